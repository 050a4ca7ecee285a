#include "wzp/media/encoder.hpp"

#include <opus/opus.h>

#include <string>
#include <utility>

namespace wzp::media {
namespace {

Result<void> check_codec(CodecId codec) {
  if (!traits(codec).is_opus) return Unexpected{Errc::Unsupported, "sending with a codec that is not Opus"};
  return {};
}

bool configure(::OpusEncoder* state, const EncoderConfig& config) {
  return opus_encoder_ctl(state, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE)) == OPUS_OK &&
         opus_encoder_ctl(state, OPUS_SET_COMPLEXITY(config.complexity)) == OPUS_OK &&
         opus_encoder_ctl(state, OPUS_SET_VBR(config.constant_rate ? 0 : 1)) == OPUS_OK &&
         opus_encoder_ctl(state, OPUS_SET_DTX(config.constant_rate ? 0 : 1)) == OPUS_OK &&
         opus_encoder_ctl(state, OPUS_SET_BITRATE(static_cast<opus_int32>(traits(config.codec).bitrate))) == OPUS_OK;
}

}  // namespace

void Encoder::Destroy::operator()(::OpusEncoder* state) const noexcept { opus_encoder_destroy(state); }

Encoder::Encoder(State state, CodecId codec) : state_{std::move(state)}, codec_{codec} {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

Result<Encoder> Encoder::create(const EncoderConfig& config) {
  if (auto ok = check_codec(config.codec); !ok) return ok.failure();
  if (config.complexity < 0 || config.complexity > 10) return Unexpected{Errc::BadValue, "Opus complexity"};
  int error = OPUS_OK;
  State state{opus_encoder_create(static_cast<opus_int32>(kSampleRate), 1, OPUS_APPLICATION_VOIP, &error)};
  if (!state || error != OPUS_OK) return Unexpected{Errc::Internal, opus_strerror(error)};
  if (!configure(state.get(), config)) return Unexpected{Errc::Internal, "libopus refused a setting"};
  return Encoder{std::move(state), config.codec};
}

Result<ByteView> Encoder::encode(PcmView pcm) {
  if (pcm.size() != frame_samples()) {
    return Unexpected{Errc::BadValue, "a frame of " + std::to_string(pcm.size()) + " samples"};
  }
  const int size = opus_encode(state_.get(), pcm.data(), static_cast<int>(pcm.size()), buffer_.data(),
                               static_cast<opus_int32>(buffer_.size()));
  if (size < 0) return Unexpected{Errc::Internal, opus_strerror(size)};
  return ByteView{buffer_}.first(static_cast<std::size_t>(size));
}

Result<void> Encoder::set_codec(CodecId codec) {
  if (auto ok = check_codec(codec); !ok) return ok;
  const auto bitrate = static_cast<opus_int32>(traits(codec).bitrate);
  if (opus_encoder_ctl(state_.get(), OPUS_SET_BITRATE(bitrate)) != OPUS_OK) {
    return Unexpected{Errc::Internal, "libopus refused a bit rate"};
  }
  codec_ = codec;
  return {};
}

}  // namespace wzp::media
