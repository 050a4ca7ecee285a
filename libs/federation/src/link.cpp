#include "wzp/federation/link.hpp"

#include <utility>

#include "wzp/base/log.hpp"

namespace wzp::federation {

Link::Link(Setup setup, Instant now)
    : setup_{std::move(setup)}, deadline_{now + (setup_.dialled ? kReferenceSilence : setup_.hello_timeout)} {}

Link::Outcome Link::hear(const proto::SignalMessage& message, Instant now) {
  if (const auto* hello = std::get_if<proto::FederationHello>(&message)) return hear_hello(*hello, now);
  if (is_up()) return {};
  if (!setup_.dialled) return {.consumed = true};  // nothing counts before the dialler's hello
  // Our acceptors greet before they say anything else.
  come_up(now);
  return {.came_up = true};
}

Link::Outcome Link::hear_hello(const proto::FederationHello& hello, Instant now) {
  Outcome outcome{.consumed = true};
  if (greeted_) return outcome;  // once is enough
  const auto claimed = RelayFingerprint::parse(hello.tls_fingerprint);
  if (!claimed || (setup_.certificate && *claimed != *setup_.certificate)) {
    outcome.refused = Refusal{kCloseNotTrusted, "not trusted: the hello names another certificate"};
    return outcome;
  }
  greeted_ = true;
  if (!setup_.certificate) {
    setup_.label = "unverified " + to_string(*claimed).substr(0, 11);
  } else {
    capable_ = hello.version.has_value();
    caps_ = hello.caps;
  }
  if (hello.relay_build) build_ = printable(*hello.relay_build, 32);
  outcome.answer_hello = !setup_.dialled;
  outcome.came_up = !is_up();
  outcome.became_capable = is_up() && capable_;
  come_up(now);
  return outcome;
}

Link::Outcome Link::tick(Instant now) {
  if (is_up() || !deadline_ || now < *deadline_) return {};
  if (!setup_.dialled) return {.refused = Refusal{kCloseTimeout, "timeout: no hello"}};
  come_up(now);
  return {.came_up = true};
}

void Link::come_up(Instant now) {
  if (!up_since_) up_since_ = now;
  deadline_ = capable_ ? std::nullopt : std::optional{now + kReferencePingInterval};
}

bool Link::take_ping(Instant now) {
  if (!is_up() || !deadline_ || now < *deadline_) return false;
  deadline_ = now + kReferencePingInterval;
  return true;
}

}  // namespace wzp::federation
