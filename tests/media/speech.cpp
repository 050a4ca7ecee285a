#include "speech.hpp"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "wzp/media/wav.hpp"

namespace wzp::media::test {
namespace {

PcmClip speak(const std::string& voice, const std::string& text) {
  const auto path =
      std::filesystem::temp_directory_path() / ("wzp-speech-" + std::to_string(::getpid()) + "-" + voice + ".wav");
  const std::string command = "espeak-ng -v " + voice + " -s 150 -w '" + path.string() + "' \"" + text + "\"";
  if (std::system(command.c_str()) != 0) FAIL("espeak-ng is missing or does not work; install the package espeak-ng");
  std::ifstream in{path, std::ios::binary};
  const Bytes bytes{std::istreambuf_iterator<char>{in}, {}};
  std::filesystem::remove(path);
  const auto clip = parse_wav(bytes);
  REQUIRE(clip);
  const auto mono = to_mono_48k(*clip);
  REQUIRE(mono);
  return *mono;
}

}  // namespace

const PcmClip& speech_of_ada() {
  static const PcmClip clip = speak("en+f3",
                                    "Good morning. I am calling about the harbour tour on Saturday. The boat leaves at "
                                    "nine, so please be at the pier a little "
                                    "earlier. If it rains we go to the museum instead, and have lunch there.");
  return clip;
}

const PcmClip& speech_of_bob() {
  static const PcmClip clip =
      speak("en+m3",
            "Thank you for ringing back so quickly. My bicycle has lost a spoke, therefore I would rather take the "
            "train. Could somebody "
            "pick me up near the old bridge? I will bring cheese, bread and two bottles of apple juice.");
  return clip;
}

}  // namespace wzp::media::test
