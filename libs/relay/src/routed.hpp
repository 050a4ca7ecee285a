#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "wzp/base/fingerprint.hpp"
#include "wzp/base/result.hpp"
#include "wzp/base/time.hpp"
#include "wzp/crypto/routed.hpp"
#include "wzp/proto/signal.hpp"

// Signals that cross several relays: how they are wrapped, judged, and passed on (docs/protocol.md).

namespace wzp::relay {

/// A call signal that has arrived over a link, in either envelope.
struct Arrival {
  RelayFingerprint from{};    ///< the relay at the other end of the link
  RelayFingerprint origin{};  ///< who speaks; `from` itself in the deployed envelope
  std::optional<RelayFingerprint> target{};
  std::uint32_t attempt = 0;
  std::vector<RelayFingerprint> path{};  ///< where it has been, `from` last
  proto::SignalMessage inner{};
  /// As it came. Empty for the deployed envelope, which goes no further.
  std::optional<proto::RoutedSignal> envelope{};
};

/// What a signal says beside its body.
struct RouteOptions {
  std::optional<RelayFingerprint> target{};
  std::uint32_t attempt = 0;
};

/// The signal as its origin sends it. `number` is never used twice by one origin.
[[nodiscard]] proto::RoutedSignal wrap(const crypto::RelaySigner& signer, const RelayFingerprint& own,
                                       const ByteArray<16>& number, const proto::SignalMessage& inner,
                                       const RouteOptions& options);

/// Reads and judges a signal that came from the linked relay `from`, its signature included, so that nothing is passed on
/// that the next relay would refuse. `delegate`: whether `from` may speak for others.
/// Errors: BadValue (malformed), TooLong, Exists (it was here already: we are in the path), NotAllowed
/// (spoken for another relay without leave, the path is false), BadSignature.
[[nodiscard]] Result<Arrival> open_routed(const proto::RoutedSignal& signal, const RelayFingerprint& from,
                                          const RelayFingerprint& own, bool delegate);

/// The same signal for the next relay. Empty when it has crossed as many links as it may.
[[nodiscard]] std::optional<proto::RoutedSignal> next_leg(const proto::RoutedSignal& signal,
                                                          const RelayFingerprint& own);

/// Which (origin, route id) has been seen in the last 60 to 120 s. Source: relay.md 22.2. At most 2 x 65 536; beyond, the
/// older half is forgotten early. One link brings at most a quarter of a half, so that none can make us forget what
/// others have brought; what is more is refused.
class DuplicateGuard {
 public:
  static constexpr Duration kMemory = std::chrono::seconds{60};
  static constexpr std::size_t kMaxPerGeneration = 65'536;
  static constexpr std::size_t kMaxOfOneLink = kMaxPerGeneration / 4;

  enum class Verdict : std::uint8_t { New, Seen, TooMany };
  /// `from`: the relay at the other end of the link.
  [[nodiscard]] Verdict admit(const RelayFingerprint& from, const RelayFingerprint& origin, std::string_view route_id,
                              Instant now);

 private:
  std::unordered_map<RelayFingerprint, std::size_t> brought_;  ///< by link, in this generation
  std::unordered_set<std::string> recent_;
  std::unordered_set<std::string> older_;
  Instant turned_ = Instant::min();
};

}  // namespace wzp::relay
