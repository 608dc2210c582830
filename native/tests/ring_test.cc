#include "ring.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "testing.h"

namespace eas {
namespace {

using testing::RingSize;
using testing::TestRing;

TEST(Ring, CreateExplainsAnImpossibleSize) {
  const eas_ring_size ring_size = RingSize(0);
  char error[200] = "";
  EXPECT_EQ(-1, eas_ring_create(&ring_size, error, sizeof(error)));
  EXPECT_STREQ("slots is 0, not within 1 .. 65536", error);
}

TEST(Ring, ErrorsAreCutToTheCallersRoom) {
  const eas_ring_size ring_size = RingSize(0);
  char error[8] = "";
  EXPECT_EQ(-1, eas_ring_create(&ring_size, error, sizeof(error)));
  EXPECT_STREQ("slots i", error);
  EXPECT_EQ(-1, eas_ring_create(&ring_size, nullptr, 0));
}

TEST(Ring, MapRefusesDescriptorsThatAreNotARing) {
  char error[200] = "";
  EXPECT_EQ(nullptr, eas_ring_map(-1, 0, error, sizeof(error)));
  EXPECT_STREQ("the ring cannot be read: Bad file descriptor", error);

  const int other = memfd_create("other", MFD_CLOEXEC);
  ASSERT_EQ(0, ftruncate(other, 65536));
  EXPECT_EQ(nullptr, eas_ring_map(other, 0, error, sizeof(error)));
  EXPECT_STREQ("the descriptor is not a ring of this version", error);

  const TestRing ring;
  char header[sizeof(Header)];
  ASSERT_EQ(ssize_t{sizeof(header)}, pread(ring.memfd, header, sizeof(header), 0));
  ASSERT_EQ(ssize_t{sizeof(header)}, pwrite(other, header, sizeof(header), 0));
  EXPECT_EQ(nullptr, eas_ring_map(other, 0, error, sizeof(error)));
  EXPECT_NE(nullptr, std::strstr(error, "the ring has 65536 bytes and should have")) << error;
  close(other);
}

TEST(Ring, AWorkerCannotResizeTheMemory) {
  const TestRing ring;
  EXPECT_NE(0, ftruncate(ring.memfd, 0));
  EXPECT_EQ(EPERM, errno);
  EXPECT_NE(0, ftruncate(ring.memfd, static_cast<off_t>(eas_ring_bytes(ring)) * 2));
}

TEST(Ring, TwoMappingsSeeTheSameSlots) {
  const TestRing ring;
  char error[200] = "";
  eas_ring* other = eas_ring_map(ring.memfd, ring.eventfd, error, sizeof(error));
  ASSERT_NE(nullptr, other) << error;
  ASSERT_NE(ring.ring, other);
  for (uint32_t slot = 0; slot < 8; ++slot) {
    std::snprintf(eas_slot_input(ring, slot), 100, "input %u", slot);
    std::snprintf(eas_slot_output(ring, slot), 100, "output %u", slot);
  }
  for (uint32_t slot = 0; slot < 8; ++slot) {
    EXPECT_EQ("input " + std::to_string(slot), eas_slot_input(other, slot));
    EXPECT_EQ("output " + std::to_string(slot), eas_slot_output(other, slot));
  }
  EXPECT_EQ(nullptr, eas_slot_input(other, 8));
  EXPECT_EQ(nullptr, eas_slot_output(other, 8));
  eas_ring_unmap(other);
}

TEST(Ring, DescriptorsAreDuplicatedAndGivenBack) {
  const auto open_descriptors = [] {
    int count = 0;
    for (int fd = 0; fd < 256; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  const int before = open_descriptors();
  {
    const TestRing ring;
  }
  EXPECT_EQ(before, open_descriptors());
}

TEST(Ring, TheSizeIsAsCreated) {
  const TestRing ring(RingSize(3, 4, 5, 6, 7));
  eas_ring_size ring_size{};
  eas_ring_get_size(ring, &ring_size);
  EXPECT_EQ(3u, ring_size.slots);
  EXPECT_EQ(4u, ring_size.workers);
  EXPECT_EQ(5u, ring_size.threads);
  EXPECT_EQ(6u, ring_size.max_body);
  EXPECT_EQ(7u, ring_size.max_output);
}

// A ring of forty gigabytes of addresses, as a default host has, takes memory only for pages that are
// written.
TEST(Ring, SlotsAreSparse) {
  const TestRing ring(RingSize(128, 1, 5, 64 << 20, 256 << 20));
  EXPECT_GT(eas_ring_bytes(ring), 40ULL << 30);
  EXPECT_LT(testing::Occupied(ring), 1u << 20);
}

}  // namespace
}  // namespace eas
