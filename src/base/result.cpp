#include "base/result.h"

#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace quire {
namespace {

struct FaultRow {
  Fault fault;
  const char* name;
  int exit_code;
  int http_status;
};

constexpr FaultRow fault_table[] = {
    {Fault::usage, "usage", 2, 400},           {Fault::not_found, "not_found", 3, 404},
    {Fault::bad_format, "bad_format", 4, 422}, {Fault::unsupported, "unsupported", 5, 501},
    {Fault::limit, "limit", 6, 429},           {Fault::io, "io", 7, 500},
    {Fault::device, "device", 8, 503},         {Fault::cancelled, "cancelled", 130, 499},
};

const FaultRow& row(Fault fault) { return fault_table[static_cast<int>(fault)]; }

}  // namespace

int exit_code(Fault fault) { return row(fault).exit_code; }
int http_status(Fault fault) { return row(fault).http_status; }
const char* fault_name(Fault fault) { return row(fault).name; }

void check_failed(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\nThis is a bug in quire, please report it.\n", file,
               line, what);
  std::abort();
}

}  // namespace quire
