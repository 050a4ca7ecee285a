#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/witness.hpp"
#include "support/sim_clock.hpp"
#include "support/sim_net.hpp"
#include "support/sim_quic.hpp"
#include "wzp/client/client_core.hpp"
#include "wzp/client/media_session.hpp"
#include "wzp/proto/frame.hpp"

namespace wzp::sim {

/// What speech of this call and person carries; see `Speech`.
[[nodiscard]] std::uint64_t speech_id(const CallId& call);
[[nodiscard]] std::uint64_t speech_id(const Fingerprint& who);

/// A phone: the real core and the real media session, and around them the same translation of packets and actions that
/// `wzp-client` has. Instead of speech it sends numbered frames. What survives a crash is what the program keeps in
/// files: the identity, the relay's certificate, the people who sign.
class SimPhone final : public quic::Handler {
 public:
  struct Setup {
    int owner = 0;
    std::string name;
    HostId host;
    crypto::Seed seed;
    SocketAddress relay;
    bool relay_only = false;
    bool direct_only = false;
  };
  using Person = std::function<void(SimPhone&, const client::UserEvent&)>;

  SimPhone(SimQueue& queue, SimNet& net, Witness& witness, Random random, Setup setup);

  void start();
  void crash();
  void shut_down() { tell(client::Shutdown{}); }
  [[nodiscard]] bool running() const noexcept { return run_ != nullptr; }
  /// Who holds the phone: hears everything, may act later.
  void set_person(Person person) { person_ = std::move(person); }

  /// Gives the id, whether the call is possible or not.
  CallId call(const Fingerprint& target);
  void answer(const CallId& call, proto::CallAcceptMode mode);
  void hang_up() { tell(client::HangUp{}); }

  [[nodiscard]] const std::string& name() const noexcept { return setup_.name; }
  [[nodiscard]] int owner() const noexcept { return setup_.owner; }
  [[nodiscard]] HostId host() const noexcept { return setup_.host; }
  [[nodiscard]] const Setup& setup() const noexcept { return setup_; }
  [[nodiscard]] const Fingerprint& who() const noexcept { return who_; }
  /// Counts up with every start.
  [[nodiscard]] int incarnation() const noexcept { return incarnation_; }
  [[nodiscard]] client::ClientCore& core() { return run_->core; }
  [[nodiscard]] SimEndpoint& endpoint() { return run_->endpoint; }
  [[nodiscard]] const std::optional<ConnectionId>& signal_connection() const { return run_->signal; }
  [[nodiscard]] const client::MediaCounters* media() const { return run_->session ? &run_->session->counters() : nullptr; }
  [[nodiscard]] bool has_media() const { return run_->session.has_value(); }
  /// Connections that the core knows, dials included.
  [[nodiscard]] std::size_t connections() const { return run_->connections.size() + run_->dials.size(); }
  [[nodiscard]] SocketAddress address() const { return run_->endpoint.local(); }

  // quic::Handler
  void on_connected(ConnectionId, const quic::ConnectionInfo&) override;
  void on_closed(ConnectionId, const quic::CloseInfo&) override;
  void on_stream(ConnectionId, quic::StreamId, ByteView, bool fin) override;
  void on_stream_reset(ConnectionId, quic::StreamId) override;
  void on_datagram(ConnectionId, ByteView) override;
  void on_datagram_acked(ConnectionId, quic::DatagramTag) override;

 private:
  struct Connection {
    proto::SignalInbox inbox;
    bool direct = false;
  };
  struct Run {
    Run(SimPhone& phone, Random random);

    client::ClientCore core;
    SimEndpoint endpoint;
    Alarm alarm;
    Alarm frames;
    Alarm sweep;
    std::deque<client::Event> events;
    bool handling = false;
    std::unordered_map<client::DialId, ConnectionId> dials;
    std::unordered_map<ConnectionId, client::DialId> attempts;
    std::map<ConnectionId, Connection> connections;
    std::optional<ConnectionId> signal;
    // media
    std::optional<client::MediaSession> session;
    CallId media_call;
    std::optional<Instant> next_frame;
    std::uint32_t frame_number = 0;
    std::unordered_map<ConnectionId, Instant> media_seen;
  };

  [[nodiscard]] client::Config core_config() const;
  void tell(client::Event event);
  void perform(const client::Actions& actions);
  void dial(client::DialId id, const SimEndpoint::DialOptions& options);
  void cancel(const client::CancelDial& action);
  void send(ConnectionId conn, std::string_view json);
  void close(const client::Close& action);
  void deliver(ConnectionId id, const proto::InboxEvents& events);
  void sweep();
  void start_media(const client::MediaStart& action);
  void set_paths(const client::MediaPaths& action);
  void stop_media();
  void speak();

  SimQueue& queue_;
  SimNet& net_;
  Witness& witness_;
  Random random_;
  Setup setup_;
  Fingerprint who_;
  Person person_;
  int incarnation_ = 0;
  // kept in files
  std::optional<RelayFingerprint> relay_certificate_;
  std::vector<Fingerprint> signers_;

  std::unique_ptr<Run> run_;
  std::array<std::uint8_t, client::MediaSession::kMaxDatagram> out_{};
  std::array<std::uint8_t, client::MediaSession::kMaxDatagram> in_{};
};

}  // namespace wzp::sim
