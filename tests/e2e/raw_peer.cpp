// A peer that says exactly what it is told to, for tests of what programs of ours never send.
//
//   raw-peer ADDRESS SERVER_NAME [--certificate SEED]     dials
//   raw-peer listen SEED ADDRESS                          is dialled, says "@listening ADDRESS", and speaks with whoever came last
//
// Each line of standard input goes out as one message, valid or not. Lines with @ are commands:
//   @register SEED   RegisterPresence, signed for this connection     @unsigned SEED   the same without a signature
//   @hex BYTES       a stream with exactly these bytes                 @datagram BYTES  a datagram
// Each message that comes in is a line of standard output, and so is each datagram: "@datagram BYTES". "@connected FINGERPRINT" and
// "@closed KIND CODE REASON" tell of the connection.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "wzp/base/hex.hpp"
#include "wzp/base/log.hpp"
#include "wzp/crypto/certificate.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/net/random.hpp"
#include "wzp/proto/frame.hpp"
#include "wzp/proto/signal_json.hpp"
#include "wzp/quic/endpoint.hpp"

namespace {

using namespace wzp;

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "raw-peer: {}\n", why);
  std::exit(2);
}

class RawPeer final : public quic::Handler {
 public:
  explicit RawPeer(net::Loop& loop) : loop_{loop} {}

  void dial(const SocketAddress& relay, const std::string& server_name, const std::optional<crypto::Seed>& seed) {
    open({.bind = *SocketAddress::parse("0.0.0.0:0")});
    quic::DialOptions options;
    options.remote = relay;
    options.server_name = server_name;
    if (seed) options.certificate = credentials_of(*seed);
    const auto conn = endpoint_->dial(options, loop_.now());
    if (!conn) give_up(to_string(conn.error()));
    conn_ = *conn;
  }

  void listen(const crypto::Seed& seed, const SocketAddress& address) {
    quic::EndpointConfig config;
    config.bind = address;
    config.credentials = credentials_of(seed);
    config.accept_inbound = listens_ = true;
    open(std::move(config));
    print("@listening " + to_string(endpoint_->local()));
  }

  void on_line(const std::string& line) {
    const auto space = line.find(' ');
    const auto word = line.substr(0, space);
    const auto rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (word == "@register" || word == "@unsigned") return register_as(rest, word == "@register");
    if (word == "@hex") return send(from_hex(rest).value());
    if (word == "@datagram") {
      if (const auto sent = endpoint_->send_datagram(conn_, from_hex(rest).value(), loop_.now()); !sent) give_up(to_string(sent.error()));
      return;
    }
    send(proto::encode_frame(line));
  }

  void on_connected(ConnectionId conn, const quic::ConnectionInfo& info) override {
    if (info.inbound) {
      conn_ = conn;
      inbox_ = proto::SignalInbox{{.max_message = proto::kMaxSignalBytes, .first_stream = proto::StreamId{0}}};
    }
    relay_ = info.peer_certificate.value_or(RelayFingerprint{});
    print("@connected " + to_string(relay_));
  }
  void on_closed(ConnectionId conn, const quic::CloseInfo& info) override {
    if (conn != conn_) return;
    print(fmt::format("@closed {} 0x{:x} {}", quic::name(info.kind), info.code, printable(info.reason)));
    if (!listens_) loop_.stop();
  }
  void on_stream(ConnectionId, quic::StreamId stream, ByteView data, bool fin) override {
    for (const auto& event : inbox_.receive(proto::StreamId{stream}, data, fin, loop_.now())) {
      if (const auto* message = std::get_if<proto::InboxMessage>(&event)) print(message->json);
    }
  }
  void on_datagram(ConnectionId, ByteView datagram) override { print("@datagram " + to_hex(datagram)); }

 private:
  static quic::Credentials credentials_of(const crypto::Seed& seed) {
    const auto certificate = crypto::relay_certificate(seed);
    const auto key = certificate.key_der.view();
    return {certificate.der, Bytes{key.begin(), key.end()}};
  }

  void open(quic::EndpointConfig config) {
    config.reset_key = net::random_secret<32>();
    config.token_key = net::random_secret<32>();
    config.max_outgoing_messages = std::size_t{1} << 20;  // a flood is limited by whoever drives this program
    config.max_outgoing_bytes = std::size_t{256} << 20;
    config.max_queued_datagrams = 4096;
    auto endpoint = quic::Endpoint::open(std::move(config), *this);
    if (!endpoint) give_up(to_string(endpoint.error()));
    endpoint_ = std::move(*endpoint);
    attachment_.emplace(loop_, *endpoint_);
  }

  static void print(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  }

  void send(ByteView bytes) {
    if (const auto sent = endpoint_->send_message(conn_, bytes); !sent) give_up(to_string(sent.error()));
  }

  void register_as(const std::string& seed_text, bool with_signature) {
    const auto seed = crypto::parse_seed(seed_text);
    if (!seed) give_up(to_string(seed.error()));
    const crypto::Identity identity{*seed};
    proto::RegisterPresence message;
    message.identity_pub = identity.public_key();
    if (with_signature) {
      const auto signature = crypto::sign_registration(identity, relay_, *endpoint_->exporter(conn_, crypto::kRegisterExporterLabel));
      message.signature.assign(signature.begin(), signature.end());
    }
    print("@fingerprint " + to_string(identity.fingerprint()));
    send(proto::encode_frame(proto::encode(message)));
  }

  net::Loop& loop_;
  std::unique_ptr<quic::Endpoint> endpoint_;
  std::optional<quic::Attachment> attachment_;
  ConnectionId conn_;
  bool listens_ = false;
  RelayFingerprint relay_;
  proto::SignalInbox inbox_{{.max_message = proto::kMaxSignalBytes, .first_stream = proto::StreamId{1}}};
};

}  // namespace

int main(int argc, char** argv) {
  const bool listens = argc == 4 && argv[1] == std::string_view{"listen"};
  if (!listens && argc != 3 && argc != 5) {
    give_up("usage: raw-peer ADDRESS SERVER_NAME [--certificate SEED] | raw-peer listen SEED ADDRESS");
  }
  const auto address = SocketAddress::parse(argv[listens ? 3 : 1]);
  if (!address) give_up("bad address");
  auto loop = std::move(*net::Loop::create());
  RawPeer peer{*loop};
  if (listens) {
    const auto seed = crypto::parse_seed(argv[2]);
    if (!seed) give_up(to_string(seed.error()));
    peer.listen(*seed, *address);
  } else {
    std::optional<crypto::Seed> seed;
    if (argc == 5) seed = crypto::parse_seed(argv[4]).value();
    peer.dial(*address, argv[2], seed);
  }
  std::string pending;
  const auto watched = loop->watch(STDIN_FILENO, [&](Instant) {
    char chunk[4096];
    const auto n = ::read(STDIN_FILENO, chunk, sizeof chunk);
    if (n <= 0) return loop->stop();
    pending.append(chunk, static_cast<std::size_t>(n));
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      peer.on_line(pending.substr(0, end));
      pending.erase(0, end + 1);
    }
  });
  if (!watched) give_up(to_string(watched.error()));
  loop->run();
  return 0;
}
