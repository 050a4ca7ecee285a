#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "ng.hpp"
#include "wzp/base/bytes.hpp"

namespace wzp::quic {

class Connection;
struct Closing;

/// Where a packet goes: to a live connection, to the remains of a closed one, or nowhere.
struct Route {
  Connection* live = nullptr;
  Closing* closing = nullptr;
  explicit operator bool() const { return live || closing; }
};

/// Destination connection ids. Ours are of one size; the first ids of clients, which they choose, have a table of their own with a
/// keyed hash. Bounded by the connections: a handful of ids each.
class Routes {
 public:
  Routes();

  void set(const ngtcp2_cid& cid, Route route);
  void remove(const ngtcp2_cid& cid);
  [[nodiscard]] Route find(ByteView dcid) const;

 private:
  struct Key {
    std::uint8_t size = 0;
    std::array<std::uint8_t, NGTCP2_MAX_CIDLEN> bytes{};
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(std::uint64_t id) const noexcept;
    std::size_t operator()(const Key& key) const noexcept;
  };
  static Key key_of(ByteView cid);

  std::unordered_map<std::uint64_t, Route, Hash> ours_;
  std::unordered_map<Key, Route, Hash> foreign_;
};

}  // namespace wzp::quic
