#include "wzp/client/room_core.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "room_members.hpp"
#include "room_offer.hpp"
#include "wzp/base/overloaded.hpp"
#include "wzp/media/codec.hpp"

namespace wzp::client {
namespace {

using std::chrono::seconds;

/// The last one repeats. Source: client.md 8.3, without the attempt at once: everybody in the room lost it together.
constexpr std::array<Duration, 6> kRetryAfter{seconds{1}, seconds{2}, seconds{4}, seconds{8}, seconds{15}, seconds{30}};
/// crypto.md 12.
constexpr std::uint64_t kBadName = 0x1a;

/// Close codes after which the same attempt would end the same way.
std::optional<RoomEndReason> final_reason(const std::optional<std::uint64_t>& code) {
  if (!code) return std::nullopt;
  if (*code == kBadName) return RoomEndReason::NotAdmitted;
  switch (static_cast<CloseCode>(*code)) {
    case CloseCode::NotAdmitted: return RoomEndReason::NotAdmitted;
    case CloseCode::Replaced: return RoomEndReason::Replaced;
    case CloseCode::BadSignature: return RoomEndReason::Refused;
    default: return std::nullopt;
  }
}

/// The nearest codec that we can send; empty for comfort noise, which is no codec to send speech with.
std::optional<proto::CodecId> sendable(proto::CodecId codec) {
  if (codec == proto::CodecId::ComfortNoise) return std::nullopt;
  return media::traits(codec).is_opus ? codec : proto::CodecId::Opus6k;
}

}  // namespace

RoomActions RoomCore::start(Instant now) {
  if (state_ == State::Idle) dial(now);
  return std::exchange(out_, {});
}

RoomActions RoomCore::handle(const RoomInput& input, Instant now) {
  std::visit(
      overloaded{
          [&](const RoomConnected& e) { connected(e, now); },
          [&](const DialFailed& e) {
            if (state_ == State::Connecting && e.dial == dial_) retry("cannot connect: " + printable(e.why), now);
          },
          [&](const Lost& e) { lost(e, now); },
          [&](const Signal& e) { signal(e, now); },
          [&](const BadMessage& e) {
            out_.push_back(LogLine{LogLevel::Debug, "unreadable message from the relay: " + printable(e.error.where)});
          },
          [&](const LeaveRoom&) { leave(); },
      },
      input);
  return std::exchange(out_, {});
}

RoomActions RoomCore::tick(Instant now) {
  if (!due_ || now < *due_) return {};
  due_.reset();
  switch (state_) {
    case State::Waiting: dial(now); break;
    case State::Connecting:
      out_.push_back(CancelDial{dial_});
      retry("cannot connect: no reply", now);
      break;
    case State::Answering: drop(CloseCode::Timeout, "the relay did not answer", now); break;
    case State::Listing: joined(now); break;
    default: break;
  }
  return std::exchange(out_, {});
}

std::optional<ConnectionId> RoomCore::up() const {
  if (state_ != State::In) return std::nullopt;
  return conn_;
}

void RoomCore::dial(Instant now) {
  dial_ = DialId{dial_.value + 1};
  state_ = State::Connecting;
  due_ = now + config_.timers.dial;
  out_.push_back(DialRelay{dial_, config_.room, std::nullopt});
}

void RoomCore::connected(const RoomConnected& event, Instant now) {
  const auto& connection = event.connection;
  if (state_ != State::Connecting || connection.dial != dial_) {
    out_.push_back(Close{connection.conn, CloseCode::Normal, "not-selected"});
    return;
  }
  conn_ = connection.conn;
  remote_ = connection.remote;
  joined_at_.reset();
  state_ = State::Answering;
  due_ = now + config_.timers.answer;
  const crypto::EphemeralKey ephemeral{event.ephemeral};
  out_.push_back(SendSignal{
      conn_, make_room_offer(config_.identity, config_.alias, {connection.peer_certificate, connection.room_exporter},
                             ephemeral.public_key(), {std::string{proto::kCapTrunk}})});
}

void RoomCore::lost(const Lost& event, Instant now) {
  const bool open = state_ == State::Answering || state_ == State::Listing || state_ == State::In;
  if (!open || event.conn != conn_) return;
  if (const auto reason = final_reason(event.code)) return end(*reason, printable(event.why, 256));
  retry("connection lost: " + printable(event.why), now);
}

void RoomCore::signal(const Signal& event, Instant now) {
  if (event.conn != conn_) return;
  if (state_ == State::Answering) return answered(event, now);
  if (state_ != State::Listing && state_ != State::In) return;
  if (const auto* update = std::get_if<proto::RoomUpdate>(&event.message)) {
    if (state_ == State::Listing) joined(now);
    listed(*update);
  } else if (const auto* directive = std::get_if<proto::QualityDirective>(&event.message)) {
    if (state_ == State::Listing) joined(now);
    directed(*directive);
  }
}

void RoomCore::answered(const Signal& event, Instant now) {
  const auto* answer = std::get_if<proto::CallAnswer>(&event.message);
  if (!answer) return drop(CloseCode::Protocol, "the relay sent something else than an answer", now);
  if (!holds(*answer)) {
    out_.push_back(Close{conn_, CloseCode::BadSignature, "bad answer"});
    return end(RoomEndReason::BadRelay, "its answer does not verify");
  }
  state_ = State::Listing;
  due_ = now + config_.timers.first_list;
}

void RoomCore::joined(Instant now) {
  state_ = State::In;
  due_.reset();
  joined_at_ = now;
  report(RoomJoined{conn_, remote_, std::exchange(was_in_, true)});
}

void RoomCore::listed(const proto::RoomUpdate& update) {
  auto now_here = read_members(update, config_.identity.fingerprint(), kMaxMembers);
  if (std::exchange(listed_, true)) {
    // Our own entries come and go with our connections: no news.
    for (auto& member : missing_from(members_, now_here)) {
      if (!member.is_self) report(RoomMemberLeft{std::move(member)});
    }
    for (auto& member : missing_from(now_here, members_)) {
      if (!member.is_self) report(RoomMemberJoined{std::move(member)});
    }
  }
  members_ = std::move(now_here);
  const auto named = update.participants.size();
  report(RoomPeople{members_, update.count > named ? update.count - named : 0});
}

void RoomCore::directed(const proto::QualityDirective& directive) {
  const auto codec = sendable(directive.recommended_profile.codec);
  if (!codec) return;
  report(RoomDirective{*codec, printable(directive.reason.value_or(""))});
}

void RoomCore::leave() {
  switch (state_) {
    case State::Ended: return;
    case State::Connecting: out_.push_back(CancelDial{dial_}); break;
    case State::Answering:
    case State::Listing:
    case State::In:
      out_.push_back(SendSignal{conn_, proto::Hangup{}});
      out_.push_back(Close{conn_, CloseCode::Normal, "leave"});
      break;
    default: break;
  }
  end(RoomEndReason::Left, "");
}

void RoomCore::drop(CloseCode code, const std::string& why, Instant now) {
  out_.push_back(Close{conn_, code, why});
  retry(why, now);
}

void RoomCore::retry(std::string why, Instant now) {
  if (!was_in_) return end(RoomEndReason::NotConnected, std::move(why));
  if (joined_at_ && now - *joined_at_ >= config_.timers.settled) failures_ = 0;
  joined_at_.reset();
  const auto wait = kRetryAfter[std::min<std::size_t>(static_cast<std::size_t>(failures_), kRetryAfter.size() - 1)];
  ++failures_;
  state_ = State::Waiting;
  due_ = now + wait;
  report(RoomReconnecting{std::move(why), wait, failures_});
}

void RoomCore::end(RoomEndReason reason, std::string why) {
  state_ = State::Ended;
  due_.reset();
  report(RoomEnded{reason, std::move(why)});
}

}  // namespace wzp::client
