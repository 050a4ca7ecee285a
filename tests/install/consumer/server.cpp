// The smallest use of wzp::quic: an endpoint that listens on a free port, and goes.
#include "wzp/quic/endpoint.hpp"

namespace {
struct Silent final : wzp::quic::Handler {
  void on_connected(wzp::ConnectionId, const wzp::quic::ConnectionInfo&) override {}
  void on_closed(wzp::ConnectionId, const wzp::quic::CloseInfo&) override {}
  void on_stream(wzp::ConnectionId, wzp::quic::StreamId, wzp::ByteView, bool) override {}
};
}  // namespace

int main() {
  const auto bind = wzp::SocketAddress::parse("127.0.0.1:0");
  const auto credentials = wzp::quic::fresh_credentials();
  if (!bind || !credentials) return 1;

  Silent handler;
  wzp::quic::EndpointConfig config;
  config.bind = *bind;
  config.credentials = *credentials;
  config.accept_inbound = true;
  const auto endpoint = wzp::quic::Endpoint::open(config, handler);
  return endpoint ? 0 : 1;
}
