#include "client/short_connection.hpp"

#include <fmt/format.h>

#include "wzp/base/log.hpp"
#include "wzp/net/clock.hpp"
#include "wzp/net/random.hpp"

namespace wzp::client_app {
namespace {

constexpr std::uint16_t kDefaultPort = 4433;
// Source: wire.md 6.2, ping on the client side.
constexpr Duration kTimeout = std::chrono::seconds{3};
// Source: wire.md 1.2, class `version`.
constexpr std::size_t kMaxText = 256;

class Asker final : public quic::Handler {
 public:
  Asker(net::Loop& loop, bool await_text) : loop_{loop}, await_text_{await_text} {}

  Result<ShortResult> ask(quic::Endpoint& endpoint, const quic::DialOptions& options) {
    endpoint_ = &endpoint;
    began_ = net::now();
    const auto id = endpoint.dial(options, began_);
    if (!id) return id.failure();
    const auto deadline = began_ + kTimeout;
    while (!outcome_) {
      const auto left = deadline - net::now();
      if (left <= Duration{}) {
        if (await_text_ && connected_) return Unexpected{Errc::Unsupported, "the relay does not tell its version"};
        return Unexpected{Errc::Timeout, fmt::format("{}: no answer within 3 s", to_string(options.remote))};
      }
      loop_.turn(left);
    }
    endpoint.close(*id, 0, "done");
    loop_.turn({});
    return *outcome_;
  }

  void on_connected(ConnectionId, const quic::ConnectionInfo& info) override {
    connected_ = true;
    result_.connect_time = net::now() - began_;
    result_.remote = info.remote;
    result_.certificate = info.peer_certificate.value_or(RelayFingerprint{});
    if (!await_text_) outcome_ = result_;
  }
  void on_closed(ConnectionId, const quic::CloseInfo& info) override {
    if (outcome_) return;
    if (info.kind == quic::CloseKind::PinMismatch) {
      outcome_ = Unexpected{Errc::NotAllowed, "certificate"};
    } else {
      outcome_ = Unexpected{Errc::Closed, fmt::format("{} {}", quic::name(info.kind), printable(info.reason))};
    }
  }
  void on_stream(ConnectionId, quic::StreamId, ByteView data, bool fin) override {
    result_.text.append(text_of(data.first(std::min(data.size(), kMaxText - result_.text.size()))));
    if (fin && !outcome_) outcome_ = result_;
  }

 private:
  net::Loop& loop_;
  bool await_text_;
  quic::Endpoint* endpoint_ = nullptr;
  Instant began_;
  bool connected_ = false;
  ShortResult result_;
  std::optional<Result<ShortResult>> outcome_;
};

Result<ShortResult> ask_address(const SocketAddress& remote, const Common& common, const std::string& server_name, bool await_text,
                                const std::optional<RelayFingerprint>& pinned) {
  auto loop = net::Loop::create();
  if (!loop) return loop.failure();
  quic::EndpointConfig config;
  config.bind = remote.ip.is_v4() ? SocketAddress{IpAddress::v4(0, 0, 0, 0), 0} : SocketAddress{};
  if (!common.bind.empty()) {
    const auto bind = SocketAddress::parse(common.bind);
    if (!bind) return Unexpected{Errc::BadConfig, "--bind " + common.bind + ": must be a numeric address with a port"};
    config.bind = *bind;
  }
  config.reset_key = net::random_secret<32>();
  config.token_key = net::random_secret<32>();
  Asker asker{**loop, await_text};
  auto endpoint = quic::Endpoint::open(std::move(config), asker);
  if (!endpoint) return endpoint.failure();
  const quic::Attachment attachment{**loop, **endpoint};
  return asker.ask(**endpoint, {.remote = remote, .server_name = server_name, .certificate = {}, .pinned = pinned,
                                .initial_rtt = std::chrono::milliseconds{300}, .handshake_timeout = {}});
}

}  // namespace

Result<ShortResult> ask_relay(const Common& common, const std::string& server_name, bool await_text, KnownRelays& known) {
  const auto where = net::HostPort::parse(common.relay, kDefaultPort);
  if (!where) return Unexpected{Errc::BadConfig, common.relay + ": must be a name or an address, with or without a port"};
  const auto addresses = net::resolve(*where);
  if (!addresses) return addresses.failure();
  const auto name = to_string(*where);
  const auto pinned = known.find(name);
  Result<ShortResult> result = Unexpected{Errc::NotFound, name + ": has no address"};
  for (const auto& address : *addresses) {
    result = ask_address(address, common, server_name, await_text, pinned);
    if (result) {
      if (const auto kept = known.remember(name, result->certificate); !kept) return kept.failure();
      return result;
    }
    if (result.error().code == Errc::NotAllowed && pinned) {
      return Unexpected{Errc::NotAllowed, changed_relay_text(name, *pinned, known.path())};
    }
  }
  return result;
}

}  // namespace wzp::client_app
