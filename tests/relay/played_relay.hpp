#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "calls_bench.hpp"

namespace wzp::test {

inline proto::SignalMessage forward(const RelayFingerprint& origin, proto::SignalMessage inner) {
  return proto::FederatedSignalForward{Box<proto::SignalMessage>{std::move(inner)}, to_string(origin)};
}

/// A relay of ours that the test plays itself: linked with relay A, which trusts it.
struct Played {
  Played(RelayBench& b, std::size_t relay, std::uint8_t name)
      : bench{&b}, fp{RelayBench::fingerprint(name)}, end{&b.open(relay, "_federation", {.certificate = fp})} {
    b.send(*end, proto::FederationHello{to_string(fp), 1, "played", {"call-nack"}});
    end->inbox.clear();
  }
  void says(proto::SignalMessage inner) { bench->send(*end, forward(fp, std::move(inner))); }
  /// The next forwarded signal, when it is a T.
  template <class T>
  std::optional<T> hears() {
    if (end->inbox.empty()) return std::nullopt;
    const auto* forwarded = std::get_if<proto::FederatedSignalForward>(&end->inbox.front());
    if (forwarded == nullptr || !std::holds_alternative<T>(*forwarded->inner)) return std::nullopt;
    T message = std::get<T>(*forwarded->inner);
    end->inbox.pop_front();
    return message;
  }

  RelayBench* bench;
  RelayFingerprint fp;
  FarEnd* end;
};

/// Relay A with Alice, and two played relays that it is linked with.
struct Hub {
  RelayBench bench;
  std::size_t a = bench.add_relay(1, [](auto& config) {
    config.trusted = {RelayBench::trusted(2), RelayBench::trusted(3)};
  });
  Played b{bench, a, 2};
  Played c{bench, a, 3};
  Phone alice{bench, a, 10};
  /// Not here, and not a phone: somebody whom the played relays have, or not.
  crypto::Identity bob_key{RelayBench::seed(20)};
  Fingerprint bob = bob_key.fingerprint();

  /// Alice calls Bob; both relays have been asked.
  proto::DirectCallOffer offer(const std::string& id) {
    auto offer = alice.offer(bob, id);
    alice.send(offer);
    b.end->inbox.clear();
    c.end->inbox.clear();
    return offer;
  }
  [[nodiscard]] std::optional<registry::DirectCall> call(const std::string& id) {
    return bench.core(a).call(call_id(id));
  }
  [[nodiscard]] bool is_live(const std::string& id) { return call(id) && call(id)->is_live(); }
  [[nodiscard]] std::uint64_t drops(std::string_view reason) { return bench.core(a).counters().drops(reason); }
};

}  // namespace wzp::test
