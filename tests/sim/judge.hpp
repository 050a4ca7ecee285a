#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sim/witness.hpp"
#include "support/sim_clock.hpp"
#include "wzp/client/client_core.hpp"
#include "wzp/crypto/call_keys.hpp"
#include "wzp/proto/signal.hpp"

namespace wzp::sim {

class World;

/// A promise of design.md section 4 was broken.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One phone's part in one call, as the judge knows it.
struct Part {
  SimPhone* phone = nullptr;
  int incarnation = 0;
  bool is_in = true;       ///< its core has, or had, this call and has not let go of it
  bool crashed = false;    ///< let go of it by dying
  Instant since;           ///< of `is_in` or its end
  bool ended = false;      ///< the person was told `Ended`
  bool answered = false;
  std::optional<ByteArray<32>> answer;  ///< the ephemeral key of what it said: no two answers share one
  std::optional<std::string> code;
  std::optional<crypto::CallKeys> keys;
  crypto::CallRole role{};
  std::vector<bool> played;  ///< by number of the frame
  std::optional<Instant> first_media;
  std::optional<client::PathKind> path;  ///< the last one chosen
  std::optional<client::EndReason> reason;
};

/// What really happened in one call.
struct CallTruth {
  CallId id;
  Fingerprint caller;
  Fingerprint callee;
  Instant placed;
  std::optional<proto::CallAcceptMode> mode;  ///< what the callee consented to
  std::optional<Instant> accepted;
  std::vector<Part> parts;                    ///< the caller's first
  /// Which of `parts` gave the answer that the caller's relay passed on: from then on this one has the call. Of several
  /// phones of the callee, others may answer in the moment before they are told.
  std::optional<std::size_t> taken;
  bool fair = false;                          ///< the network and the relays had no trouble when it was placed
  bool should_ring = false;                   ///< ... and both were free
  bool judged_ringing = false;
  bool judged_media = false;
  std::string tainted;                        ///< why the two sides need not hear of each other's end any more
  std::optional<Instant> apart_since;         ///< one side has ended and the other could know
  std::optional<Instant> cut_since;           ///< ... and could not know
};

/// The invariants of design.md section 4, checked after every step of every core, and those about time ten times per
/// second. What "both sides agree that a call ended within 2 s of connectivity" means here:
///
/// - A phone has connectivity while it is registered, that registration is the relay's current one, and nothing on that
///   connection has waited for its acknowledgement for longer than 400 ms; two relays, while their link is up and so.
/// - Once a phone has told its person that a call ended, the other side may stay in it for 2.5 s of unbroken
///   connectivity of both phones and between their relays.
/// - An answer reaches the caller's phone, or the phone that gave it is told the end, within the same time; and so is every
///   other phone of the callee once an answer has reached the caller.
/// - The caller takes one answer. Code and keys of both are the same then; those of a phone whose answer came to nothing
///   fit nobody's, and it neither plays nor is heard.
/// - Documented exceptions, where only the timers of the state remain: a party or a relay of the route was restarted
///   and remembers nothing; connectivity was away for longer than an ended call is remembered (30 s).
/// - Whatever happens, no state of a phone lasts longer than its timer, and an active call without media 30 s.
class Judge final : public Witness {
 public:
  explicit Judge(World& world) : world_{world} {}

  void does(SimRelay&, const relay::Action&) override;
  void does(SimPhone&, const client::Action&) override;
  void places(SimPhone&, const CallId&, const Fingerprint& target) override;
  void told(SimPhone&, const client::UserEvent&) override;
  void forwards(SimRelay&, ConnectionId from, ConnectionId to) override;
  void plays(SimPhone&, const Speech&, std::uint64_t packet_number) override;
  void settled(SimRelay&) override;
  void settled(SimPhone&) override;

  /// The scenario is about to do these.
  void phone_dies(SimPhone& phone);
  void relay_dies(SimRelay& relay);
  /// This person follows no rules.
  void beware(const Fingerprint& who) { hostile_.insert(who); }
  /// Somebody like that says a message about this call, or offers it.
  void hostile_speaks(int owner, const std::string& call_id);
  /// The network or a program was disturbed: calls are not expected to succeed until it was quiet for a while.
  void disturbed();
  [[nodiscard]] bool quiet_since(Instant when) const { return last_disturbed_ < when; }

  /// Ten times per second.
  void watch();
  /// At the end, when nobody calls any more and all phones are shut down.
  void check_drained() const;

  [[nodiscard]] const CallTruth* truth(const CallId& id) const;
  [[nodiscard]] const std::map<CallId, CallTruth>& calls() const { return calls_; }
  /// How often it looked, and what it saw: proof that a run was not empty.
  struct Seen {
    std::uint64_t checks = 0;
    std::uint64_t signals = 0;
    std::uint64_t frames = 0;
    std::uint64_t forwarded = 0;
    std::uint64_t direct = 0;
    std::uint64_t active = 0;
    std::uint64_t judged_media = 0;
    std::uint64_t judged_ends = 0;
    std::map<std::string, std::uint64_t> ends;  ///< how calls ended, by what the people were told
  };
  [[nodiscard]] const Seen& seen() const { return seen_; }

 private:
  struct Stay {  // of a phone in one state of one call
    CallId call;
    client::CallState state = client::CallState::None;
    Instant since;
    Instant heard;
  };
  using RelayCall = std::pair<int, CallId>;  // owner of the relay

  [[noreturn]] void broken(const std::string& what) const;
  void demand(bool holds, const std::string& what) const {
    if (!holds) broken(what);
  }
  void trace(const std::string& who, const std::string& what) const;

  CallTruth* find(const CallId& id);
  CallTruth* find(const std::string& id);
  Part* part_of(CallTruth& truth, const SimPhone& phone);
  Part& let_go(CallTruth& truth, SimPhone& phone, const char* how);

  // judge_signals.cpp: who may hear what
  void to_client(SimRelay& relay, ConnectionId conn, const proto::SignalMessage& message);
  void to_relay(SimRelay& from, SimRelay& to, const proto::SignalMessage& inner);
  void check_recipient(SimRelay& relay, int owner, const std::string& call_id, const proto::SignalMessage& message);
  void on_phone_signal(SimPhone& phone, const proto::SignalMessage& message);
  void check_direct(SimPhone& phone, const SocketAddress& to);
  void on_keys(SimPhone& phone, const client::MediaStart& start);
  void on_answer_for_caller(SimRelay& relay, CallTruth& truth, const proto::DirectCallAnswer& answer);

  // judge_time.cpp: how long what may last
  [[nodiscard]] bool connected(SimPhone& phone) const;
  [[nodiscard]] bool linked(SimRelay& a, SimRelay& b) const;
  /// No cut is in force on the way from one to the other.
  [[nodiscard]] bool cables_are_whole(SimPhone& a, SimPhone& b) const;
  [[nodiscard]] std::optional<std::string> missing_connectivity(const CallTruth& truth) const;
  /// Whether the callee's side has left the call: the phone that has it, or all.
  [[nodiscard]] bool callee_is_out(const CallTruth& truth) const;
  void watch_ends(CallTruth& truth);
  void watch_success(CallTruth& truth);
  void check_reason(const CallTruth& truth, const Part& part) const;
  void watch_phone(SimPhone& phone);
  void watch_relay(SimRelay& relay);
  [[nodiscard]] bool path_expected(const CallTruth& truth) const;

  World& world_;
  std::map<CallId, CallTruth> calls_;
  std::map<std::uint64_t, CallId> by_speech_;
  std::map<int, Stay> stays_;
  std::map<RelayCall, Instant> ended_at_;              ///< when a relay let go of a call
  std::set<RelayCall> live_at_;
  std::set<std::pair<std::string, int>> named_by_;     ///< (call id, owner) that spoke of it: may get an answer
  std::set<std::pair<std::string, std::pair<int, int>>> offered_between_;  ///< relays, both ways
  std::set<Fingerprint> hostile_;
  Instant last_disturbed_;
  Seen seen_;
};

}  // namespace wzp::sim
