// The packet path allocates nothing, also not for packets that fail: counted by replacing operator new.

#include <cstdlib>
#include <new>

#include <catch2/catch_test_macros.hpp>

#include "sealing_probe.hpp"

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size != 0 ? size : 1)) return p;
  throw std::bad_alloc{};
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size != 0 ? size : 1);
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

using namespace wzp;
using namespace wzp::crypto;
using namespace wzp::test;

TEST_CASE("sealing and opening allocate nothing, over epochs and for forged packets too", "[crypto]") {
  Sealer sealer = SealingProbe::sealer(filled(1), 16380);
  Opener opener = SealingProbe::opener(filled(1), 16380);
  ByteArray<200> payload{}, packet{}, plain{};
  bool fine = true;
  const std::size_t before = allocations;
  for (int i = 0; i < 10; ++i) {
    const auto sealed = sealer.seal(a_header(), payload, {}, std::span{packet}.first(0));
    fine = fine && !sealed;  // no room
    ByteArray<228> out;
    fine = fine && sealer.seal(a_header(), payload, {}, out);
    ByteArray<228> forged = out;
    forged[100] ^= 1;
    fine = fine && !opener.open(forged, plain) && opener.open(out, plain) && !opener.open(out, plain) &&
           !opener.open(ByteView{out}.first(20), plain);
    store_be16(forged.data() + 2, 20000);
    fine = fine && !opener.open(forged, plain);
  }
  CHECK(allocations == before);
  CHECK(fine);
  CHECK(opener.counters() == OpenCounters{.opened = 10, .malformed = 10, .replayed = 10, .auth = 20});
}
