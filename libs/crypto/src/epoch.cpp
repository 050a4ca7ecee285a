#include "epoch.hpp"

#include "wzp/crypto/hash.hpp"

namespace wzp::crypto {

Secret<32> next_chain(const Secret<32>& chain) { return hkdf_expand<32>(chain, "wzp-call-v1 next"); }

Epoch::Epoch(const Secret<32>& chain)
    : aead{hkdf_expand<32>(chain, "wzp-call-v1 key")}, salt{hkdf_expand<12>(chain, "wzp-call-v1 salt")} {}

ByteArray<12> Epoch::nonce(std::uint64_t packet_number) const {
  ByteArray<12> out{};
  store_be64(out.data() + 4, packet_number);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(out[i] ^ salt.array()[i]);
  return out;
}

}  // namespace wzp::crypto
