#include "wzp/client/user_event.hpp"

namespace wzp::client {

int exit_code(EndReason reason) noexcept {
  switch (reason) {
    case EndReason::HungUp:
    case EndReason::PeerHungUp:
    case EndReason::Cancelled:
    case EndReason::RefusedByUs: return 0;
    case EndReason::NotConnected: return 3;
    case EndReason::IdentityRefused: return 4;
    case EndReason::PeerCancelled:
    case EndReason::Missed:
    case EndReason::Declined:
    case EndReason::Busy:
    case EndReason::NoAnswer:
    case EndReason::Unreachable:
    case EndReason::Failed: return 5;
    case EndReason::NoPath:
    case EndReason::MediaLost: return 6;
  }
  return 1;
}

std::string_view text(EndReason reason) noexcept {
  switch (reason) {
    case EndReason::HungUp: return "you hung up";
    case EndReason::PeerHungUp: return "the other side hung up";
    case EndReason::Cancelled: return "you cancelled the call";
    case EndReason::PeerCancelled: return "the caller gave up";
    case EndReason::RefusedByUs: return "you refused the call";
    case EndReason::Missed: return "the call was not answered here";
    case EndReason::Declined: return "the other side refused the call";
    case EndReason::Busy: return "the other side is in a call";
    case EndReason::NoAnswer: return "the other side did not answer";
    case EndReason::Unreachable: return "the other side is not reachable";
    case EndReason::NotConnected: return "no connection to the relay";
    case EndReason::IdentityRefused: return "the identity of the other side could not be verified";
    case EndReason::NoPath: return "no path for the media was found";
    case EndReason::MediaLost: return "the media of the call was lost";
    case EndReason::Failed: return "the call could not be set up";
  }
  return "";
}

std::string_view name(EndReason reason) noexcept {
  switch (reason) {
    case EndReason::HungUp: return "hung_up";
    case EndReason::PeerHungUp: return "peer_hung_up";
    case EndReason::Cancelled: return "cancelled";
    case EndReason::PeerCancelled: return "peer_cancelled";
    case EndReason::RefusedByUs: return "refused_by_us";
    case EndReason::Missed: return "missed";
    case EndReason::Declined: return "declined";
    case EndReason::Busy: return "busy";
    case EndReason::NoAnswer: return "no_answer";
    case EndReason::Unreachable: return "unreachable";
    case EndReason::NotConnected: return "not_connected";
    case EndReason::IdentityRefused: return "identity_refused";
    case EndReason::NoPath: return "no_path";
    case EndReason::MediaLost: return "media_lost";
    case EndReason::Failed: return "failed";
  }
  return "";
}

std::string_view name(PathKind kind) noexcept { return kind == PathKind::Direct ? "direct" : "relay"; }

}  // namespace wzp::client
