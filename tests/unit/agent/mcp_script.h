// A small MCP server for tests, as a script of the shell.
#pragma once
#include "agent/mcp_server.h"
#include "base/file.h"
#include "unit/base/temporary_folder.h"

namespace quire::agent {

inline constexpr const char* mcp_script = R"sh(
reply() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
text() { reply "{\"content\":[{\"type\":\"text\",\"text\":\"$1\"}]}"; }
count=0 cancelled=no
while IFS= read -r line; do
  id=${line#*\"id\":} id=${id%%,*}
  case $line in
    *'"method":"initialize"'*)
      reply "{\"protocolVersion\":\"${REVISION:-2024-11-05}\",\"capabilities\":{}}" ;;
    *'"method":"tools/list"'*cursor*)
      reply '{"tools":[{"name":"count","annotations":{"readOnlyHint":true}},{"name":"crash"},{}]}' ;;
    *'"method":"tools/list"'*)
      reply '{"tools":[{"name":"echo","description":"Says it again","inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}],"nextCursor":"2"}' ;;
    *'"name":"echo"'*)
      said=${line#*\"text\":\"}
      echo 'a line that is no message'
      printf '{"jsonrpc":"2.0","method":"notifications/progress"}\n{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"%s"}]}}\n' "$id" "${said%%\"*}" ;;
    *'"name":"count"'*) count=$((count + 1)); text $count ;;
    *'"name":"fails"'*) reply '{"isError":true,"content":[{"type":"text","text":"it broke"}]}' ;;
    *'"name":"crash"'*) echo 'something terrible' >&2; exit 1 ;;
    *'"name":"slow"'*) ;;
    *'"name":"leaves"'*) sleep 1000 & text left; exit 0 ;;
    *'"name":"asks"'*) asked=$id; echo '{"jsonrpc":"2.0","id":"p1","method":"ping"}' ;;
    *'"id":"p1"'*) id=$asked; text alive ;;
    *'notifications/cancelled'*) cancelled=yes ;;
    *'"name":"cancelled"'*) text $cancelled ;;
    *'"method":"tools/call"'*)
      printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"Unknown tool"}}\n' "$id" ;;
  esac
done
)sh";

// The script as a server; the folder keeps it.
inline McpServerSpec script_spec(const TemporaryFolder& folder,
                                 const std::string& name = "script") {
  const std::string path = folder / "server.sh";
  std::ignore = write_file(path, mcp_script);
  McpServerSpec spec;
  spec.name = name;
  spec.command.command = {"sh", path};
  return spec;
}

}  // namespace quire::agent
