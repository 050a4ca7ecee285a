#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "wzp/client/actions.hpp"
#include "wzp/client/config.hpp"
#include "wzp/client/events.hpp"
#include "wzp/crypto/hash.hpp"

// People, addresses and small questions about actions that the tests of this folder share.

namespace wzp::test {

using namespace std::chrono_literals;

inline Instant at(Duration since_start) { return Instant{} + std::chrono::hours{1} + since_start; }
inline SocketAddress addr(std::string_view text) { return SocketAddress::parse(text).value(); }
inline ConnectionId conn(std::uint64_t value) { return ConnectionId{value}; }

/// Different bytes for every word, the same in every run.
inline Secret<32> secret(std::string_view word) { return Secret<32>{crypto::sha256(bytes_of(word))}; }
inline crypto::Identity identity(std::string_view name) { return crypto::Identity{secret(name)}; }
inline CallId call_id(std::string_view word) {
  ByteArray<16> bytes{};
  const auto digest = crypto::sha256(bytes_of(word));
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return CallId::from_random(bytes);
}

inline client::Config config(std::string_view name) {
  client::Config c{.identity = identity(name)};
  c.alias = std::string{name};
  c.build = "wzp test";
  return c;
}

/// All actions of one type, in order.
template <class T>
std::vector<T> all(const client::Actions& actions) {
  std::vector<T> out;
  for (const auto& action : actions) {
    if (const auto* one = std::get_if<T>(&action)) out.push_back(*one);
  }
  return out;
}

/// All signals of one type that are sent.
template <class T>
std::vector<T> sent(const client::Actions& actions) {
  std::vector<T> out;
  for (const auto& send : all<client::SendSignal>(actions)) {
    if (const auto* one = std::get_if<T>(&send.message)) out.push_back(*one);
  }
  return out;
}

/// All reports of one type.
template <class T>
std::vector<T> told(const client::Actions& actions) {
  std::vector<T> out;
  for (const auto& report : all<client::Report>(actions)) {
    if (const auto* one = std::get_if<T>(&report.event)) out.push_back(*one);
  }
  return out;
}

}  // namespace wzp::test
