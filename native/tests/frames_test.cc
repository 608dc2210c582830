#include "frames.h"

#include <fstream>
#include <random>

#include "symbols.h"
#include "testing.h"

namespace eas {

// Not exported, so that only the file's symbol table knows it.
__attribute__((noinline, visibility("hidden"))) uintptr_t WhereAmI() {
  return reinterpret_cast<uintptr_t>(__builtin_return_address(0)) - 1;
}

namespace {

__attribute__((noinline)) int WalkHere(uintptr_t* pc, int max) {
  const int count = WalkStack(pc, max, [](uintptr_t) { return false; });
  asm volatile("");
  return count;
}

TEST(Frames, AStackIsWalkedFromTheInside) {
  uintptr_t pc[64];
  const int count = WalkHere(pc, 64);
  ASSERT_GT(count, 3);
  std::string text;
  for (int i = 0; i < count; ++i) text += DescribeFrame(pc[i]).Text() + "\n";
  const size_t inner = text.find("WalkHere");
  const size_t outer = text.find("Frames_AStackIsWalkedFromTheInside_Test::TestBody()");
  EXPECT_NE(std::string::npos, inner) << text;
  EXPECT_NE(std::string::npos, outer) << text;
  EXPECT_LT(inner, outer);
}

TEST(Frames, TheWalkStopsWhereItIsTold) {
  uintptr_t pc[64];
  EXPECT_EQ(2, WalkHere(pc, 2));
  EXPECT_EQ(0, WalkStack(pc, 64, [](uintptr_t) { return true; }));
}

TEST(Frames, WrittenAndDescribedFramesAgree) {
  const uint64_t pc[3] = {WhereAmI(), reinterpret_cast<uint64_t>(&std::malloc), 1};
  char text[3][200];
  WriteModules(pc, 3, text[0], sizeof(text[0]));
  const Frame here = DescribeText(text[0]);
  EXPECT_NE(std::string::npos, here.function.find("Frames_WrittenAndDescribedFramesAgree_Test::TestBody()"))
      << text[0];
  EXPECT_EQ(DescribeFrame(pc[0]).offset, here.offset);
  EXPECT_STREQ("", text[2]);
}

TEST(Frames, ALongPathLosesItsBeginning) {
  const uint64_t pc[1] = {WhereAmI()};
  char whole[4096];
  char text[30];
  WriteModules(pc, 1, whole, sizeof(whole));
  WriteModules(pc, 1, text, sizeof(text));
  EXPECT_EQ(sizeof(text) - 1, std::strlen(text));
  EXPECT_STREQ(whole + std::strlen(whole) - std::strlen(text), text);
}

TEST(Frames, DescribeFrameForCNamesTheFunction) {
  const uint64_t pc[1] = {WhereAmI()};
  char frame[200];
  WriteModules(pc, 1, frame, sizeof(frame));
  char text[500];
  EXPECT_EQ(1, eas_describe_frame(frame, text, sizeof(text)));
  EXPECT_NE(nullptr, std::strstr(text, "DescribeFrameForCNamesTheFunction_Test::TestBody() (")) << text;
  for (const char* unknown :
       {"", "+0x", "/nowhere+0x12", "/etc/passwd+0x1", "no offset", "/proc/self/exe+0xffffffffffff"}) {
    EXPECT_EQ(0, eas_describe_frame(unknown, text, sizeof(text)));
    EXPECT_STREQ(unknown, text);
  }
}

// A file with a symbol table may have any content.
TEST(Symbols, AnyFileContentIsSafe) {
  std::ifstream input("/proc/self/exe", std::ios::binary);
  std::string original(200'000, '\0');
  input.read(original.data(), static_cast<std::streamsize>(original.size()));
  original.resize(static_cast<size_t>(input.gcount()));
  const std::string path = std::string(PROCESSORS) + "/damaged." + std::to_string(getpid());
  std::mt19937 random(301);
  for (int round = 0; round < 100; ++round) {
    std::string damaged = original.substr(0, random() % original.size());
    for (int i = 0; i < 20 && !damaged.empty(); ++i)
      damaged[random() % std::min<size_t>(damaged.size(), 2000)] = static_cast<char>(random());
    std::ofstream(path, std::ios::binary) << damaged;
    FunctionAt(path, random());
  }
  unlink(path.c_str());
}

TEST(Symbols, MangledNamesBecomeReadable) {
  EXPECT_EQ("eas::WhereAmI()", Demangle("_ZN3eas8WhereAmIEv"));
  EXPECT_EQ("process", Demangle("process"));
  EXPECT_EQ("", Demangle(""));
}

}  // namespace
}  // namespace eas
