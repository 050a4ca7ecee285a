// Nothing opens but what was sealed, and nothing that does not open leaves a trace.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "fuzz.hpp"
#include "wzp/crypto/sealing.hpp"

using namespace wzp;
using namespace wzp::crypto;

namespace {

/// Seals `payload` as the next packet, its header beginning like `wish` as far as that is allowed.
Bytes seal(Sealer& sealer, ByteView wish, ByteView payload) {
  ByteArray<kMediaHeaderBytes> header{};
  std::copy_n(wish.begin(), std::min(wish.size(), header.size()), header.begin());
  const ByteArray<kQualityReportBytes> report{1, 2, 3, 4};
  Bytes out(payload.size() + kMaxSealedOverhead);
  const auto report_of = [&] { return (header[0] & 2) != 0 ? ByteView{report} : ByteView{}; };
  auto sealed = sealer.seal(header, payload, report_of(), out);
  if (!sealed) {
    header = {};
    sealed = sealer.seal(header, payload, report_of(), out);
  }
  out.resize(sealed.value().size);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input{data, size};
  const Secret<32> chain{ByteArray<32>{1, 2, 3}};
  Sealer sealer{chain};
  Opener opener{chain};
  Bytes plain(size + kMaxSealedOverhead);

  // The input as a packet: nobody but the sealer makes one that opens.
  fuzz::require(!opener.open(input, plain));

  // The input as damage to a genuine packet, before that packet itself; after some that were lost.
  for (std::size_t lost = size == 0 ? 0 : data[0]; lost > 0; --lost) static_cast<void>(seal(sealer, {}, {}));
  const Bytes genuine = seal(sealer, input, input);
  Bytes damaged = genuine;
  for (std::size_t i = 0; i < std::min(size, damaged.size()); ++i) damaged[i] ^= data[i];
  if (damaged != genuine) fuzz::require(!opener.open(damaged, plain));
  fuzz::require(opener.expected() == 0 && opener.counters().opened == 0);

  const auto opened = opener.open(genuine, plain);
  fuzz::require(opened && opened->packet_number + 1 == sealer.next_packet_number());
  fuzz::require(
      std::equal(input.begin(), input.end(), plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(opened->size)));
  const auto again = opener.open(genuine, plain);
  fuzz::require(!again && again.error().code == Errc::Replayed);
  return 0;
}
