#include "routes.hpp"

#include <algorithm>

#include "cid.hpp"
#include "wzp/net/random.hpp"

namespace wzp::quic {
namespace {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const auto product = static_cast<Wide>(a ^ 0x9e3779b97f4a7c15ULL) * (b ^ 0xd6e8feb86659fd93ULL);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t fresh_seed() { return load_be64(net::random_array<8>().data()); }

}  // namespace

std::size_t Routes::Hash::operator()(std::uint64_t id) const noexcept { return mix(id, seed); }

std::size_t Routes::Hash::operator()(const Key& key) const noexcept {
  auto h = mix(load_be64(key.bytes.data()), seed);
  h = mix(load_be64(key.bytes.data() + 8) ^ h, seed);
  return mix(load_be32(key.bytes.data() + 16) ^ key.size ^ h, seed);
}

Routes::Routes() : ours_{0, Hash{fresh_seed()}}, foreign_{0, Hash{fresh_seed()}} {}

Routes::Key Routes::key_of(ByteView cid) {
  Key key;
  key.size = static_cast<std::uint8_t>(std::min(cid.size(), key.bytes.size()));
  std::copy_n(cid.begin(), key.size, key.bytes.begin());
  return key;
}

void Routes::set(const ngtcp2_cid& cid, Route route) {
  if (cid.datalen == kCidSize) {
    ours_[load_be64(cid.data)] = route;
  } else {
    foreign_[key_of(view(cid))] = route;
  }
}

void Routes::remove(const ngtcp2_cid& cid) {
  if (cid.datalen == kCidSize) {
    ours_.erase(load_be64(cid.data));
  } else {
    foreign_.erase(key_of(view(cid)));
  }
}

Route Routes::find(ByteView dcid) const {
  if (dcid.size() == kCidSize) {
    const auto it = ours_.find(load_be64(dcid.data()));
    return it == ours_.end() ? Route{} : it->second;
  }
  const auto it = foreign_.find(key_of(dcid));
  return it == foreign_.end() ? Route{} : it->second;
}

}  // namespace wzp::quic
