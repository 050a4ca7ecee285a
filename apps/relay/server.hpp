#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/log.hpp"
#include "relay/config.hpp"
#include "relay/drop_log.hpp"
#include "relay/worker.hpp"
#include "wzp/crypto/certificate.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/net/mailbox.hpp"
#include "wzp/net/resolver.hpp"
#include "wzp/net/worker.hpp"
#include "wzp/relay/relay_core.hpp"

namespace wzp::relay_app {

/// The whole relay: one core and one worker on the calling thread, further workers on threads of their own.
///
///     packets -> RelayWorker -> events -> RelayCore -> actions -> RelayWorker -> packets
///
/// The core sees every signal and no media packet. Workers reach it and each other through bounded mailboxes only.
class RelayServer {
 public:
  RelayServer(Config config, const crypto::Seed& seed, app::Log& log);
  ~RelayServer();

  /// Opens the sockets and starts the workers. Errors: Io, with the address.
  [[nodiscard]] Result<void> open();
  /// What it listens on, with the port that the system chose.
  [[nodiscard]] SocketAddress listening() const;
  /// The same for WebSockets, if it is to.
  [[nodiscard]] std::optional<SocketAddress> web_listening() const { return web_listening_; }
  /// Runs until SIGINT or SIGTERM; then says goodbye to everybody, for at most 2 s.
  void run();

 private:
  struct Remote;  // a worker on another thread, and its mailbox

  [[nodiscard]] quic::EndpointConfig endpoint_config(std::uint16_t worker) const;
  [[nodiscard]] Result<void> open_web();
  [[nodiscard]] Result<void> start_remote(std::uint16_t worker);
  /// A packet for another worker, from any thread. False, and lost, when its box is full.
  bool hand_over(std::uint16_t worker, WorkerMail mail);
  /// What the core has to say to a worker, in order. Not lost when its box is full: it waits.
  void tell(std::uint16_t worker, WorkerMail mail);
  void tell_all(const WorkerMail& mail);
  void tell_waiting();
  void handle(const relay::Event& event);
  void perform(relay::Actions actions);
  void dial(std::size_t peer);
  void dial_next(std::size_t peer, std::vector<SocketAddress> addresses, std::string why);
  [[nodiscard]] relay::PacketSwitch::Config media_config(std::uint16_t worker) const;
  void say_drops();
  /// The lists of the configuration file once more: all of them, or on any error none.
  void reload();
  void shut_down();

  Config config_;
  crypto::Certificate certificate_;
  Secret<32> reset_key_;
  Secret<32> token_key_;
  ByteArray<32> media_key_;  ///< of the hashes of the packet path
  app::Log& log_;
  relay::RelayCore core_;
  DropLog drops_{"signals"};
  std::optional<Instant> core_due_;  ///< asked for after each event only: it takes a look at all that the core knows
  std::unique_ptr<net::Loop> loop_;
  std::optional<net::Resolver> resolver_;
  std::unique_ptr<RelayWorker> worker_;  ///< worker 0
  net::Mailbox<relay::Event> events_;    ///< from the other workers
  std::vector<std::unique_ptr<Remote>> remotes_;
  std::unordered_set<ConnectionId> media_links_;
  std::optional<SocketAddress> web_listening_;
  bool telling_ = false;  ///< something waits for a full box, and is told again soon
  std::size_t open_ = 0;  ///< connections that the core knows
  bool stopping_ = false;
};

}  // namespace wzp::relay_app
