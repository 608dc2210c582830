// Loading shared objects, through the C functions that the worker uses.
#include "loader.h"

#include <elf.h>

#include <fstream>
#include <sstream>

#include "testing.h"

namespace eas {
namespace {

using testing::Completion;
using testing::LogCatcher;
using testing::TestRing;

std::string Path(const std::string& name) { return std::string(PROCESSORS) + "/" + name; }

std::string OpenError(const std::string& path) {
  char error[500] = "";
  eas_cpp* cpp = eas_cpp_open(path.c_str(), error, sizeof(error));
  EXPECT_EQ(nullptr, cpp);
  return error;
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// A file that is deleted at the end of the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) : path_(Path("temporary." + std::to_string(getpid()))) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Loader, EachFailureHasItsOwnText) {
  EXPECT_EQ("missing symbol: initialize", OpenError(Path("no_initialize.so")));
  EXPECT_EQ("missing symbol: process", OpenError(Path("no_process.so")));
  EXPECT_EQ("initialize is a variable; define a function of that name", OpenError(Path("variables.so")));
  EXPECT_TRUE(Contains(OpenError("/nowhere/lib.so"), "/nowhere/lib.so: cannot open shared object file"));
  EXPECT_TRUE(Contains(OpenError(Path("needs_missing.so")), "libmissing.so: cannot open shared object file"));
}

TEST(Loader, AFileThatIsNotASharedObjectIsRefused) {
  const TemporaryFile text("#!/bin/sh\necho this is no shared object, but long enough to be looked at\n");
  EXPECT_TRUE(Contains(OpenError(text.path()), "invalid ELF header")) << OpenError(text.path());

  const std::string good = ReadFile(Path("good.so"));
  const TemporaryFile cut(good.substr(0, 10));
  EXPECT_TRUE(Contains(OpenError(cut.path()), "file too short")) << OpenError(cut.path());
}

TEST(Loader, AnotherMachinesSharedObjectIsRefused) {
  std::string foreign = ReadFile(Path("good.so"));
  ASSERT_GT(foreign.size(), sizeof(Elf64_Ehdr));
  foreign[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_RISCV);
  const TemporaryFile file(foreign);
  EXPECT_NE("", OpenError(file.path()));
}

TEST(Loader, TheStateOfInitializeIsPassedUnchanged) {
  char error[500] = "";
  eas_cpp* cpp = eas_cpp_open(Path("good.so").c_str(), error, sizeof(error));
  ASSERT_NE(nullptr, cpp) << error;
  int state = -12345;
  EXPECT_EQ(0, eas_cpp_initialize(cpp, "model", "state 7", &state, error, sizeof(error)));
  EXPECT_EQ(7, state);
  eas_cpp_join(cpp);
}

TEST(Loader, ALoadedProcessorServes) {
  const TestRing ring;
  char error[500] = "";
  eas_cpp* cpp = eas_cpp_open(Path("good.so").c_str(), error, sizeof(error));
  ASSERT_NE(nullptr, cpp) << error;
  int state = -1;
  ASSERT_EQ(0, eas_cpp_initialize(cpp, "/model: ", "", &state, error, sizeof(error)));
  ASSERT_EQ(0, state);
  eas_cpp_start(cpp, ring, 0, 3);
  for (int i = 0; i < 50; ++i) {
    const Completion done = ring.Ask(std::to_string(i));
    EXPECT_EQ(200, done.status);
    EXPECT_EQ("/model: " + std::to_string(i), done.output);
  }
  eas_worker_stop(ring);
  eas_cpp_join(cpp);
}

// With the C++ runtime of this program, and with one that is linked into the processor.
TEST(Loader, ExceptionsAreReportedWithTheFunctionThatThrew) {
  for (const char* file : {"throws.so", "throws_static.so"}) {
    SCOPED_TRACE(file);
    const TestRing ring;
    LogCatcher log;
    char error[500] = "";
    eas_cpp* cpp = eas_cpp_open(Path(file).c_str(), error, sizeof(error));
    ASSERT_NE(nullptr, cpp) << error;
    int state = -1;
    EXPECT_EQ(1, eas_cpp_initialize(cpp, "", "model", &state, error, sizeof(error)));
    EXPECT_STREQ("std::invalid_argument: no model here", error);
    ASSERT_EQ(0, eas_cpp_initialize(cpp, "", "", &state, error, sizeof(error)));

    eas_cpp_start(cpp, ring, 0, 2);
    const Completion known = ring.Ask("luck");
    EXPECT_EQ(EAS_RAISED, known.outcome);
    EXPECT_EQ("no luck here", known.Message());
    EXPECT_EQ("unknown exception of type (anonymous namespace)::Odd", ring.Ask("odd").Message());
    EXPECT_EQ("unknown exception of type int", ring.Ask("number").Message());
    EXPECT_EQ(EAS_RAISED, ring.Ask("at").outcome);
    eas_worker_stop(ring);
    eas_cpp_join(cpp);

    const std::string text = log.Read();
    EXPECT_EQ(
        0u, text.find(
                "Einitialize threw std::invalid_argument: no model here\n  at (anonymous namespace)::Deep("))
        << text;
    EXPECT_TRUE(Contains(
        text, "Eprocess threw std::invalid_argument: no luck here\n  at (anonymous namespace)::Deep("))
        << text;
    EXPECT_TRUE(Contains(text, "Eprocess threw std::out_of_range: ")) << text;
    EXPECT_TRUE(Contains(text, "\n  at process (" + Path(file) + "+0x")) << text;
    EXPECT_TRUE(Contains(text, "\n  at initialize (" + Path(file) + "+0x")) << text;
    for (const char* ours : {"eas::", "eas_", "__cxa_throw", "_Unwind", "libstdc++", "libgcc"}) {
      EXPECT_FALSE(Contains(text, ours)) << text;
    }
  }
}

}  // namespace
}  // namespace eas
