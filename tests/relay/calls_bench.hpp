#pragma once

#include <optional>
#include <string>

#include "relay_bench.hpp"

namespace wzp::test {

inline CallId call_id(const std::string& text) { return *CallId::parse(text); }

inline proto::SignalMessage hangup(const std::string& id, proto::HangupReason reason = proto::HangupReason::Normal) {
  return proto::Hangup{reason, id};
}

inline proto::DirectCallAnswer reject(const std::string& id) {
  proto::DirectCallAnswer answer;
  answer.call_id = id;
  return answer;
}

/// The next message of the phone, when it is a hang-up of this call with this reason.
inline bool hears_hangup(Phone& phone, const std::string& id, proto::HangupReason reason) {
  return phone.take<proto::Hangup>() == proto::Hangup{reason, id};
}

/// What the phones hear of a call that goes up, taken.
inline bool ring_and_answer(Phone& caller, Phone& callee, const std::string& id) {
  caller.send(caller.offer(callee.fp(), id));
  if (!callee.take<proto::DirectCallOffer>() || !caller.take<proto::CallRinging>()) return false;
  callee.send(callee.accept(id));
  return caller.take<proto::DirectCallAnswer>() && caller.take<proto::CallSetup>() && callee.take<proto::CallSetup>();
}

/// Alice and Bob on one relay.
struct OneRelay {
  explicit OneRelay(const Tweak& tweak = {}) : relay{bench.add_relay(1, tweak)} {}

  [[nodiscard]] std::optional<registry::DirectCall> call(const std::string& id) {
    return bench.core(relay).call(call_id(id));
  }
  [[nodiscard]] bool is_live(const std::string& id) {
    const auto found = call(id);
    return found && found->is_live();
  }
  [[nodiscard]] std::uint64_t drops(std::string_view reason) { return bench.core(relay).counters().drops(reason); }

  RelayBench bench;
  std::size_t relay;
  Phone alice{bench, relay, 10};
  Phone bob{bench, relay, 20};
};

/// Alice on relay A, Bob on relay B; A dials B.
struct TwoRelays {
  explicit TwoRelays(const Tweak& tweak_a = {}, const Tweak& tweak_b = {})
      : a{bench.add_relay(1,
                          [&](auto& c) {
                            c.peers.push_back(RelayBench::peer(2));
                            if (tweak_a) tweak_a(c);
                          })},
        b{bench.add_relay(2, [&](auto& c) {
          c.trusted.push_back(RelayBench::trusted(1));
          if (tweak_b) tweak_b(c);
        })} {
    bench.run_for(std::chrono::seconds{2});  // A's first attempt was before B existed
    bench.between_relays.clear();
  }

  [[nodiscard]] std::optional<registry::DirectCall> call(std::size_t relay, const std::string& id) {
    return bench.core(relay).call(call_id(id));
  }
  [[nodiscard]] bool is_live(std::size_t relay, const std::string& id) {
    const auto found = call(relay, id);
    return found && found->is_live();
  }
  [[nodiscard]] std::uint64_t drops(std::size_t relay, std::string_view reason) {
    return bench.core(relay).counters().drops(reason);
  }

  RelayBench bench;
  std::size_t a;
  std::size_t b;
  Phone alice{bench, a, 10};
  Phone bob{bench, b, 20};
};

}  // namespace wzp::test
