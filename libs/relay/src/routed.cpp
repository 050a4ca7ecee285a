#include "routed.hpp"

#include <algorithm>

#include "wzp/base/hex.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::relay {
namespace {

/// Source: our choice; an offer with all its lists has a few KiB.
constexpr std::size_t kMaxBody = 64 * 1024;

/// What may travel this way.
bool is_call_signal(const proto::SignalMessage& m) {
  return std::visit(
      overloaded{[](const proto::DirectCallOffer&) { return true; },
                 [](const proto::DirectCallAnswer&) { return true; }, [](const proto::CallRinging&) { return true; },
                 [](const proto::Hangup&) { return true; }, [](const proto::MediaPathReport&) { return true; },
                 [](const proto::CallRerouted&) { return true; }, [](const proto::RouteLost&) { return true; },
                 [](const auto&) { return false; }},
      m.as_variant());
}

Result<std::vector<RelayFingerprint>> read_path(const proto::RoutedSignal& signal) {
  if (signal.path.empty() || signal.path.size() + signal.hops_left > proto::kMaxHops) {
    return Unexpected{Errc::BadValue, "path length"};
  }
  std::vector<RelayFingerprint> path;
  for (const auto& text : signal.path) {
    const auto relay = RelayFingerprint::parse(text);
    if (!relay || std::ranges::find(path, *relay) != path.end()) return Unexpected{Errc::BadValue, "path"};
    path.push_back(*relay);
  }
  return path;
}

}  // namespace

proto::RoutedSignal wrap(const crypto::RelaySigner& signer, const RelayFingerprint& own, const ByteArray<16>& number,
                         const proto::SignalMessage& inner, const RouteOptions& options) {
  proto::RoutedSignal out;
  out.origin_relay_fp = to_string(own);
  if (options.target) out.target_relay_fp = to_string(*options.target);
  out.route_id = to_hex(number);
  out.attempt = options.attempt;
  out.hops_left = proto::kMaxHops - 1;
  out.path = {out.origin_relay_fp};
  out.proof = {signer.proof().begin(), signer.proof().end()};
  out.body = proto::encode(inner);
  const auto signature = signer.sign({own, options.target, number, options.attempt}, bytes_of(out.body));
  out.signature = {signature.begin(), signature.end()};
  return out;
}

Result<Arrival> open_routed(const proto::RoutedSignal& signal, const RelayFingerprint& from,
                            const RelayFingerprint& own, bool delegate) {
  Arrival out{.from = from};
  const auto origin = RelayFingerprint::parse(signal.origin_relay_fp);
  if (!origin) return Unexpected{Errc::BadValue, "origin_relay_fp"};
  out.origin = *origin;
  if (signal.target_relay_fp) {
    out.target = RelayFingerprint::parse(*signal.target_relay_fp);
    if (!out.target) return Unexpected{Errc::BadValue, "target_relay_fp"};
  }
  const auto number = array_from_hex<16>(signal.route_id);
  if (!number) return Unexpected{Errc::BadValue, "route_id"};
  if (signal.body.size() > kMaxBody) return Unexpected{Errc::TooLong, "body"};
  auto path = read_path(signal);
  if (!path) return path.failure();
  if (std::ranges::find(*path, own) != path->end()) return Unexpected{Errc::Exists, "path"};
  if (path->front() != out.origin || path->back() != from) return Unexpected{Errc::NotAllowed, "path"};
  if (path->size() > 1 && !delegate) return Unexpected{Errc::NotAllowed, "not a delegate"};
  auto inner = proto::decode(signal.body);
  if (!inner) return Unexpected{Errc::BadValue, "body: " + to_string(inner.error())};
  if (!is_call_signal(*inner)) return Unexpected{Errc::BadValue, "body: no call signal"};
  const crypto::RoutedHeader header{out.origin, out.target, *number, signal.attempt};
  // Of the neighbour's own, too: whoever gets it next can blame nobody but us.
  if (!crypto::verify_routed(header, bytes_of(signal.body), signal.proof, signal.signature)) {
    return Unexpected{Errc::BadSignature, "of " + to_string(out.origin)};
  }
  out.attempt = signal.attempt;
  out.path = std::move(*path);
  out.inner = std::move(*inner);
  out.envelope = signal;
  return out;
}

std::optional<proto::RoutedSignal> next_leg(const proto::RoutedSignal& signal, const RelayFingerprint& own) {
  if (signal.hops_left == 0) return std::nullopt;
  auto out = signal;
  --out.hops_left;
  out.path.push_back(to_string(own));
  return out;
}

DuplicateGuard::Verdict DuplicateGuard::admit(const RelayFingerprint& from, const RelayFingerprint& origin,
                                              std::string_view route_id, Instant now) {
  if (recent_.size() >= kMaxPerGeneration || now - kMemory >= turned_) {
    older_ = std::exchange(recent_, {});
    brought_.clear();
    turned_ = now;
  }
  std::string key{text_of(origin.bytes)};
  std::ranges::transform(route_id, std::back_inserter(key),
                         [](char c) { return c >= 'A' && c <= 'F' ? char(c + 32) : c; });
  if (older_.contains(key) || recent_.contains(key)) return Verdict::Seen;
  auto& brought = brought_[from];
  if (brought >= kMaxOfOneLink) return Verdict::TooMany;
  ++brought;
  recent_.insert(std::move(key));
  return Verdict::New;
}

}  // namespace wzp::relay
