# Writes a C++ file that holds all files of FOLDER (web/dist), for src/server/web_files.h:
#
#   cmake -DFOLDER=web/dist -DOUTPUT=build/web_embedded.cpp -DWORK=build/web -P cmake/embed_web.cmake
#
# The assembler takes the bytes in (.incbin), so the file costs nothing to compile. Texts are also
# there compressed, when gzip is installed and it saves a tenth. Without FOLDER the list is empty.
file(GLOB_RECURSE names RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT names)
find_program(GZIP gzip)
file(REMOVE_RECURSE ${WORK})

set(bytes "")   # assembler
set(rows "")    # of the table
set(symbols "")
set(n 0)

# Puts the bytes of PATH at SYMBOL and appends "{symbol, size}" to ROW.
macro(embed PATH SYMBOL ROW)
  file(SIZE ${PATH} size)
  string(APPEND bytes "    \".globl ${SYMBOL}\\n.hidden ${SYMBOL}\\n${SYMBOL}:\\n\"\n"
                      "    \".incbin \\\"${PATH}\\\"\\n\"\n")
  string(APPEND symbols "extern const char ${SYMBOL}[];\n")
  string(APPEND ${ROW} "{${SYMBOL}, ${size}}")
endmacro()

foreach(name ${names})
  set(path ${FOLDER}/${name})
  if(path MATCHES "[\"\\\\;]")
    message(FATAL_ERROR "${path}: a name with quotes, backslashes or semicolons cannot be embedded")
  endif()
  file(SHA256 ${path} sha256)
  set(row "    {\"${name}\", ")
  embed(${path} quire_web_${n} row)
  string(APPEND row ", ")
  set(zipped ${WORK}/${n}.gz)
  set(saves FALSE)
  if(GZIP AND name MATCHES "\\.(html|js|css|svg|json|txt|webmanifest)$")
    file(MAKE_DIRECTORY ${WORK})
    execute_process(COMMAND ${GZIP} -9 -n -c ${path} OUTPUT_FILE ${zipped} RESULT_VARIABLE failed)
    if(NOT failed)
      file(SIZE ${path} size)
      file(SIZE ${zipped} zipped_size)
      math(EXPR limit "${size} * 9 / 10")
      if(zipped_size LESS limit)
        set(saves TRUE)
      endif()
    endif()
  endif()
  if(saves)
    embed(${zipped} quire_web_${n}_gzip row)
  else()
    string(APPEND row "{}")
  endif()
  string(APPEND rows "${row}, \"${sha256}\"},\n")
  math(EXPR n "${n} + 1")
endforeach()

set(text "// Made from web/dist by cmake/embed_web.cmake.\n#include \"server/web_files.h\"\n\n")
if(n GREATER 0)
  string(APPEND text "__asm__(\n    \".section .rodata.web,\\\"a\\\",@progbits\\n\"\n${bytes}    \".previous\\n\");\n\n"
                     "extern \"C\" {\n${symbols}}\n\n")
endif()
string(APPEND text "namespace quire::server {\n\nstd::span<const WebFile> embedded_web_files() {\n")
if(n GREATER 0)
  string(APPEND text "  static const WebFile files[] = {\n${rows}  };\n  return files;\n")
else()
  string(APPEND text "  return {};\n")
endif()
string(APPEND text "}\n\n}  // namespace quire::server\n")
file(WRITE ${OUTPUT} "${text}")
