#pragma once

#include "epoch.hpp"
#include "vectors.hpp"
#include "wzp/crypto/sealing.hpp"

namespace wzp::crypto {

/// Begins in the middle of a call, without sealing everything before.
struct SealingProbe {
  static Sealer sealer(const Secret<32>& chain_0, std::uint64_t first) { return {chain_of(chain_0, first), first}; }
  /// As if `first` - 1 had been opened, and nothing just before it.
  static Opener opener(const Secret<32>& chain_0, std::uint64_t first) { return {chain_of(chain_0, first), first}; }
  /// Where deriving from the first chain would take too long: the chain of the epoch itself.
  static Sealer sealer_in_epoch(const Secret<32>& chain, std::uint64_t first) { return {chain, first}; }
  static Opener opener_in_epoch(const Secret<32>& chain, std::uint64_t first) { return {chain, first}; }

 private:
  static Secret<32> chain_of(Secret<32> chain, std::uint64_t number) {
    for (std::uint64_t e = 0; e < epoch_of(number); ++e) chain = next_chain(chain);
    return chain;
  }
};

}  // namespace wzp::crypto

namespace wzp::test {

using Header = ByteArray<crypto::kMediaHeaderBytes>;

/// A header of codec 0 with the report bit or not.
inline Header a_header(bool with_report = false) {
  return {static_cast<std::uint8_t>(with_report ? 0x02 : 0), 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0};
}

/// Seals `payload` as the next packet.
inline Bytes seal(crypto::Sealer& sealer, ByteView payload, ByteView report = {}) {
  Bytes out(payload.size() + crypto::kMaxSealedOverhead);
  const auto sealed = sealer.seal(a_header(!report.empty()), payload, report, out);
  REQUIRE(sealed);
  out.resize(sealed->size);
  return out;
}

/// The payload if the packet opens.
inline Result<Bytes> open(crypto::Opener& opener, ByteView packet) {
  Bytes out(packet.size());
  const auto opened = opener.open(packet, out);
  if (!opened) return opened.failure();
  out.resize(opened->size);
  return out;
}

/// A payload that says which packet it was: its number.
inline Bytes numbered(std::uint64_t number) {
  Bytes out(8);
  store_be64(out.data(), number);
  return out;
}

}  // namespace wzp::test
