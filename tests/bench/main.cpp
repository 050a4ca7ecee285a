#include <csignal>
#include <iostream>

#include <CLI/CLI.hpp>

#include "bench.hpp"

int main(int argc, char** argv) {
  using namespace wzp::bench;
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App cli{"wzp-bench - figures of a real wzp-relay on loopback, next to a floor measured in the same run"};
  cli.require_subcommand(1);
  std::filesystem::path relay = WZP_RELAY_BINARY;
  cli.add_option("--relay", relay, "the wzp-relay to measure")->check(CLI::ExistingFile);

  RelayLoad load;
  auto* relay_command = cli.add_subcommand("relay", "cost of a relayed packet against a raw UDP relay");
  relay_command->add_option("--calls", load.calls)->check(CLI::Range(1, 2000));
  relay_command->add_option("--rate", load.packets_per_second, "packets per second of each speaker")->check(CLI::Range(1.0, 10000.0));
  relay_command->add_option("--seconds", load.seconds)->check(CLI::Range(0.1, 600.0));
  relay_command->add_option("--payload", load.payload, "bytes of a datagram")->check(CLI::Range(12, 1100));

  RoomLoad room;
  auto* room_command = cli.add_subcommand("room", "cost of a packet of a room for each of its receivers, against a raw UDP relay");
  room_command->add_option("--members", room.members)->check(CLI::Range(2, 1000));
  room_command->add_option("--speakers", room.speakers)->check(CLI::Range(1, 1000));
  room_command->add_option("--deliveries", room.deliveries_per_second, "packets per second that leave the relay")->check(CLI::Range(1.0, 1e6));
  room_command->add_option("--seconds", room.seconds)->check(CLI::Range(0.1, 600.0));
  room_command->add_option("--payload", room.payload, "bytes of a datagram")->check(CLI::Range(12, 1100));
  room_command->add_flag("--trunk", room.trunk, "members read trunk frames");
  room_command->add_option("--workers", room.workers, "threads of the relay")->check(CLI::Range(1, 64));

  ChurnLoad churn;
  auto* churn_command = cli.add_subcommand("churn", "rooms on two relays of several threads, while members come and go and the link flaps: what is lost, and how late the rest is");
  churn_command->add_option("--rooms", churn.rooms, "a third of them, at most 64, on both relays")->check(CLI::Range(1, 1000));
  churn_command->add_option("--members", churn.members, "of each room, one of whom comes and goes")->check(CLI::Range(3, 100));
  churn_command->add_option("--workers", churn.workers, "threads of each relay")->check(CLI::Range(1, 64));
  churn_command->add_option("--rate", churn.packets_per_second, "packets per second of the speaker of each room")->check(CLI::Range(1.0, 1000.0));
  churn_command->add_option("--seconds", churn.seconds)->check(CLI::Range(0.1, 600.0));

  std::size_t relays = 3;
  double rate = 1000;
  double hops_seconds = 5;
  auto* hops_command = cli.add_subcommand("hops", "what each further relay in a chain adds to the way of a packet");
  hops_command->add_option("--relays", relays, "longest chain")->check(CLI::Range(1, 8));
  hops_command->add_option("--rate", rate, "packets per second, from speakers of 50 each")->check(CLI::Range(1.0, 4000.0));
  hops_command->add_option("--seconds", hops_seconds)->check(CLI::Range(0.1, 600.0));

  std::size_t pairs = 400;
  double seconds = 5;
  int workers = 1;
  auto* setup_command = cli.add_subcommand("setup", "call set-ups per second and their latency");
  setup_command->add_option("--pairs", pairs)->check(CLI::Range(1, 5000));
  setup_command->add_option("--seconds", seconds)->check(CLI::Range(0.1, 600.0));
  setup_command->add_option("--workers", workers, "threads of the relay")->check(CLI::Range(1, 64));

  std::size_t clients = 2000;
  auto* memory_command = cli.add_subcommand("memory", "bytes per idle registered client");
  memory_command->add_option("--clients", clients)->check(CLI::Range(1, 20000));
  CLI11_PARSE(cli, argc, argv);

  if (relay_command->parsed()) bench_relay(relay, load);
  if (room_command->parsed()) bench_room(relay, room);
  if (churn_command->parsed() && !bench_churn(relay, churn)) return 1;
  if (hops_command->parsed()) bench_hops(relay, relays, rate, hops_seconds);
  if (setup_command->parsed()) bench_setup(relay, pairs, seconds, workers);
  if (memory_command->parsed()) bench_memory(relay, clients);
  return 0;
}
