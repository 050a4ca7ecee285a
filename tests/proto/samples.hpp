#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "wzp/proto/signal.hpp"

namespace wzp::test {

/// Fills messages so that no field has its default and no two fields are alike.
class Filler {
 public:
  void fill(bool& v) { v = true; }
  void fill(std::uint8_t& v) { v = static_cast<std::uint8_t>(next()); }
  void fill(std::uint32_t& v) { v = 4'000'000'000U + next(); }
  void fill(std::uint64_t& v) { v = 18'000'000'000'000'000'000U + next(); }
  void fill(float& v) { v = 0.1F * static_cast<float>(next()); }
  void fill(std::string& v) { v = "text \"" + std::to_string(next()) + "\" \x01\n/ \u00e9\U0001f480"; }
  void fill(proto::CodecId& v) { v = proto::CodecId::Codec2_1200; }
  void fill(proto::HangupReason& v) { v = proto::HangupReason::Busy; }
  void fill(proto::CallAcceptMode& v) { v = proto::CallAcceptMode::AcceptGeneric; }
  void fill(Box<proto::SignalMessage>& v) {
    proto::Hangup inner;
    fill(inner);
    v = proto::SignalMessage{inner};
  }
  template <std::size_t N>
  void fill(ByteArray<N>& v) {
    for (auto& byte : v) fill(byte);
  }
  template <class T>
  void fill(std::optional<T>& v) {
    fill(v.emplace());
  }
  template <class T>
  void fill(std::vector<T>& v) {
    v.resize(3);
    for (auto& item : v) fill(item);
  }
  template <class M>
  requires requires { M::kTag; } || requires {
    M::kFields;
  }
  void fill(M& message) {
    if constexpr (requires { M::kFields; }) {
      std::apply([&](const auto&... field) { (fill_field(message.*field.member, field.presence), ...); }, M::kFields);
    }
  }

 private:
  template <class T>
  void fill_field(T& member, proto::Presence presence) {
    if constexpr (std::is_same_v<T, proto::Caps>) {
      if (presence == proto::Presence::Hint) {
        member = {"call-nack", "x" + std::to_string(next())};
        return;
      }
    }
    fill(member);
  }
  std::uint32_t next() { return ++count_; }

  std::uint32_t count_ = 0;
};

template <class M>
[[nodiscard]] M filled() {
  M message;
  Filler{}.fill(message);
  return message;
}

}  // namespace wzp::test
