// Runtimes: the places that flags and requests name.
//
//   ""                              this machine
//   docker-container:ID             a container that runs, by `docker exec`
//   podman-container:ID             the same of podman
//   ssh:TARGET                      another machine, by ssh with a key and a host key that is known
//
// A name comes from a request: what would be read as an option by one of those programs is refused.
#pragma once
#include "agent/place.h"

namespace quire::agent {

// usage for a name that is none.
Result<std::unique_ptr<Place>> place_of(const std::string& runtime, const std::string& folder);

// A runtime that the program was started with: one of the names above, or docker:IMAGE and
// podman:IMAGE, a container of its own that ends with the program, even when that is killed.
class OwnRuntime {
 public:
  // Starts the container. usage, not_found without the engine, io with what it said.
  static Result<std::unique_ptr<OwnRuntime>> start(const std::string& name);
  ~OwnRuntime();
  const std::string& name() const { return name_; }  // as place_of() takes it

 private:
  struct Container;
  OwnRuntime();
  std::string name_;
  std::unique_ptr<Container> container_;
};

}  // namespace quire::agent
