#include "head_template.h"

#include <gtest/gtest.h>

#include <random>

#include "plane_api.h"

namespace eas {
namespace {

constexpr char kStart[] = "POST / HTTP/1.1\r\nHost: a\r\nDate:";

std::string Part(int kind, const std::string& text = "") {
  std::string part(1, static_cast<char>(kind));
  for (int shift = 0; shift < 32; shift += 8) part += static_cast<char>(text.size() >> shift);
  return part + text;
}

// A head whose date and length may differ.
std::string Encoded() {
  return Part(EAS_PART_TEXT, kStart) + Part(EAS_PART_VALUE) + Part(EAS_PART_TEXT, "\r\nContent-Length:") +
         Part(EAS_PART_LENGTH) + Part(EAS_PART_TEXT, "\r\n\r\n");
}

std::string Request(const std::string& date, const std::string& length, const std::string& body) {
  return kStart + date + "\r\nContent-Length:" + length + "\r\n\r\n" + body;
}

bool Matches(const HeadTemplate& head, const std::string& data, size_t* body_at = nullptr) {
  size_t at = 0;
  return head.Matches(data.data(), data.size(), body_at == nullptr ? &at : body_at);
}

HeadTemplate Make(const std::string& encoded, int64_t body_size = 0) {
  HeadTemplate head;
  EXPECT_TRUE(head.Assign(encoded.data(), encoded.size(), body_size));
  return head;
}

TEST(HeadTemplate, ValuesAndLengthsMayDiffer) {
  const HeadTemplate head = Make(Encoded());
  size_t body_at = 0;
  const std::string request = Request(" today", " 3", "abc");
  EXPECT_TRUE(Matches(head, request, &body_at));
  EXPECT_EQ(request.size() - 3, body_at);
  EXPECT_TRUE(Matches(head, Request("", "0", "")));
  EXPECT_TRUE(Matches(head, Request("\t~ !", "   000000012", "twelve bytes")));
}

TEST(HeadTemplate, WhatElseDiffersIsForTheParser) {
  const HeadTemplate head = Make(Encoded());
  for (const std::string& request :
       {Request(" a\nb", " 1", "x"), Request(" a\rb", " 1", "x"), Request(std::string(" \0", 2), " 1", "x"),
        Request(" \x7f", " 1", "x"), Request(" \xff", " 1", "x"), Request("", " 2", "x"),
        Request("", " 1", "xy"), Request("", " -1", "x"), Request("", " +1", "x"), Request("", "\t1", "x"),
        Request("", "1 ", "x"), Request("", " 1,1", "x"), Request("", "", ""), Request("", " 0x1", "x"),
        Request("", " 0000000001", "x"), Request("\r\nEvil: 1", " 1", "x"), "x" + Request("", " 1", "x"),
        Request("", " 1", "x").substr(1)}) {
    EXPECT_FALSE(Matches(head, request)) << request;
  }
}

TEST(HeadTemplate, NoBeginningOfARequestMatches) {
  const HeadTemplate head = Make(Encoded());
  const std::string request = Request(" today", " 3", "abc");
  for (size_t size = 0; size < request.size(); ++size) {
    // A copy of that size, so that a sanitizer sees what is read beyond.
    EXPECT_FALSE(Matches(head, std::string(request, 0, size))) << size;
  }
}

TEST(HeadTemplate, WithoutALengthAllBodiesHaveOneSize) {
  const HeadTemplate head = Make(Part(EAS_PART_TEXT, "GET / HTTP/1.1\r\n\r\n"), 2);
  EXPECT_TRUE(Matches(head, "GET / HTTP/1.1\r\n\r\nab"));
  EXPECT_FALSE(Matches(head, "GET / HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(Matches(head, "GET / HTTP/1.1\r\n\r\nabc"));
}

TEST(HeadTemplate, ALongHeadIsForTheParser) {
  const HeadTemplate head = Make(Encoded());
  EXPECT_TRUE(Matches(head, Request(std::string(4000, 'a'), "1", "x")));
  EXPECT_FALSE(Matches(head, Request(std::string(4096, 'a'), "1", "x")));
}

TEST(HeadTemplate, AMalformedTemplateMatchesNothing) {
  const std::string whole = Encoded();
  HeadTemplate head;
  EXPECT_TRUE(head.empty());
  EXPECT_FALSE(Matches(head, ""));
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string encoded(whole, 0, size);
    if (head.Assign(encoded.data(), encoded.size(), 0)) continue;  // it ends with a part
    EXPECT_TRUE(head.empty()) << size;
    EXPECT_FALSE(Matches(head, Request("", "1", "x")));
  }
  EXPECT_FALSE(head.Assign(Part(EAS_PART_KINDS).data(), 5, 0));
  const std::string huge = std::string("\0\xff\xff\xff\xff", 5) + "text";
  EXPECT_FALSE(head.Assign(huge.data(), huge.size(), 0));
}

// What matches has, beside the two values, the bytes of the template, whatever was changed.
TEST(HeadTemplate, DamagedRequestsMatchOnlyWhereAValueIs) {
  const HeadTemplate head = Make(Encoded());
  const std::string request = Request(" today", " 3", "abc");
  const size_t date = sizeof(kStart) - 1;
  std::mt19937 random(7);
  int matches = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = request;
    const size_t at = random() % damaged.size();
    damaged[at] = static_cast<char>(random());
    if (!Matches(head, damaged)) continue;
    ++matches;
    const bool in_date = at >= date && at < date + 6;
    const bool in_body = at >= damaged.size() - 3;
    EXPECT_TRUE(in_date || in_body || damaged == request) << damaged;
  }
  EXPECT_GT(matches, 0);
}

}  // namespace
}  // namespace eas
