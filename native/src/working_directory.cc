#include "working_directory.h"

#include <unistd.h>

#include <climits>

namespace eas {
namespace {

std::string WorkingDirectory() {
  char path[PATH_MAX];
  return getcwd(path, sizeof(path)) == nullptr ? "" : path;
}

// Never destroyed, since threads may still call the processor when the process ends.
std::string& Remembered() {
  static auto* const remembered = new std::string;
  return *remembered;
}

}  // namespace

void RememberWorkingDirectory() { Remembered() = WorkingDirectory(); }

std::string WorkingDirectoryChange() {
  const std::string now = WorkingDirectory();
  if (now == Remembered() || Remembered().empty()) return "";
  return "; the working directory is now " + (now.empty() ? "a folder that was removed" : now) +
         ", changed by the processor since it was loaded in " + Remembered();
}

}  // namespace eas
