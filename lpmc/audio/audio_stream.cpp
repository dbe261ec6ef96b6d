#include "lpmc/audio/audio_stream.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string_view>
#include <utility>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>
}

#include "lpmc/audio/av_log.h"
#include "lpmc/audio/file_input.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc::detail {
namespace {

// Bounds of what is taken for sound. The upper rate is that of DSD1024 as FFmpeg decodes it, above any
// recording; libswresample handles 64 channels.
constexpr int kMinRate = 100;
constexpr int kMaxRate = 6'000'000;
constexpr int kMaxChannels = 64;

/// A jump of the time stamps over this is a gap. Containers with stamps in milliseconds, and
/// encoders that round, stay far below.
constexpr double kGap_s = 0.05;

/// Tries in a row without progress after which a decoder or demuxer is taken to be at its end.
constexpr int kMaxFruitless = 1000;

struct Free {
  void operator()(AVFormatContext* context) const noexcept { avformat_close_input(&context); }
  void operator()(AVCodecContext* context) const noexcept { avcodec_free_context(&context); }
  void operator()(AVPacket* packet) const noexcept { av_packet_free(&packet); }
  void operator()(AVFrame* frame) const noexcept { av_frame_free(&frame); }
};

template <class T>
std::unique_ptr<T, Free> owned(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return std::unique_ptr<T, Free>(pointer);
}

/// Demuxers that read other files or the network because the file tells them to.
bool is_playlist(const AVInputFormat& format) {
  static constexpr std::array kNames = {"hls",
                                        "applehttp",
                                        "dash",
                                        "concat",
                                        "imf",
                                        "sdp",
                                        "rtsp",
                                        "vobsub",
                                        "lavfi",
                                        "image2",
                                        "avisynth",
                                        "vapoursynth",
                                        "webm_dash_manifest"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](const char* name) { return av_match_name(name, format.name) != 0; });
}

/// Containers and codecs whose seeks land on exact time stamps; each pair is in the tests. (Not so:
/// ADPCM in wav, FLAC in ogg, raw AAC.)
bool pair_seeks_exactly(std::string_view container, std::string_view codec) {
  const bool pcm = codec.starts_with("pcm_");
  if (container == "wav" || container == "w64" || container == "aiff") return pcm;
  if (container == "flac" || container == "mp3") return codec == container;
  if (container == "ogg") return codec == "vorbis" || codec == "opus";
  if (container.starts_with("mov,")) return codec == "aac" || codec == "alac" || codec == "opus";
  return false;
}

/// All audio decoders. Without the list, finding out what a video file holds would start its
/// video decoders, for nothing.
const std::string& audio_decoders() {
  static const std::string names = [] {
    std::string list;
    void* state = nullptr;
    while (const AVCodec* codec = av_codec_iterate(&state)) {
      if (codec->type != AVMEDIA_TYPE_AUDIO || av_codec_is_decoder(codec) == 0) continue;
      if (!list.empty()) list += ',';
      list += codec->name;
    }
    return list;
  }();
  return names;
}

/// Some formats are told by their file's ending only. Nothing else of the name reaches FFmpeg.
std::string name_for_probing(const std::filesystem::path& path) {
  const std::string extension = path.extension().native();
  const bool plain =
      extension.size() <= 9 && std::all_of(extension.begin(), extension.end(), [](unsigned char c) {
        return c == '.' || (c < 0x80 && std::isalnum(c) != 0);
      });
  return plain ? "audio" + extension : "audio";
}

int refuse_to_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
  return AVERROR(EACCES);
}

/// "1 video stream, 2 subtitle streams"
std::string describe_streams(const AVFormatContext& format) {
  std::string text;
  for (const AVMediaType type : {AVMEDIA_TYPE_VIDEO, AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_DATA,
                                 AVMEDIA_TYPE_SUBTITLE, AVMEDIA_TYPE_ATTACHMENT, AVMEDIA_TYPE_UNKNOWN}) {
    const auto count = std::count_if(format.streams, format.streams + format.nb_streams,
                                     [&](const AVStream* s) { return s->codecpar->codec_type == type; });
    if (count == 0) continue;
    const char* name = av_get_media_type_string(type);
    text += fmt::format("{}{} {} stream{}", text.empty() ? "" : ", ", count,
                        name == nullptr ? "unknown" : name, count == 1 ? "" : "s");
  }
  return text.empty() ? "no stream at all" : text;
}

/// The stream the ffmpeg program picks by default.
AVStream* choose_stream(const AVFormatContext& format) {
  AVStream* best = nullptr;
  std::int64_t best_score = 0;
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    AVStream* const stream = format.streams[i];
    if (stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO) continue;
    std::int64_t score = stream->codecpar->ch_layout.nb_channels;
    if ((stream->event_flags & AVSTREAM_EVENT_FLAG_NEW_PACKETS) != 0) score += 100'000'000;
    if ((stream->disposition & AV_DISPOSITION_DEFAULT) != 0) score += 5'000'000;
    if (best == nullptr || score > best_score) {
      best = stream;
      best_score = score;
    }
  }
  return best;
}

}  // namespace

struct AudioStream::Impl {
  Impl(const std::filesystem::path& path, std::stop_token stop)
      : input(path, std::move(stop)), packet(owned(av_packet_alloc())), frame(owned(av_frame_alloc())) {
    open_container();
    open_decoder();
  }

  std::string name() const { return display_path(input.path()); }
  void open_container();
  const AVInputFormat* probe(const std::string& url);
  void open_decoder();
  void find_duration();
  bool receive();
  bool send_packet();
  bool read_packet();
  void accept_frame();

  FileInput input;
  std::unique_ptr<AVFormatContext, Free> format;
  std::unique_ptr<AVCodecContext, Free> codec;
  std::unique_ptr<AVPacket, Free> packet;
  std::unique_ptr<AVFrame, Free> frame;
  AVStream* stream = nullptr;
  AudioInfo info;
  double declared_s = 0;
  StreamDamage damage;
  bool draining = false;
  bool ended = false;
  bool after_seek = false;
  int fruitless = 0;
  std::int64_t start = 0;                    // of the latest frame
  std::int64_t position = 0;                 // of the next one
  std::int64_t origin_pts = AV_NOPTS_VALUE;  // of the first frame
  std::int64_t latest_drift = 0;             // samples the time stamps are ahead of the count
};

const AVInputFormat* AudioStream::Impl::probe(const std::string& url) {
  const AVInputFormat* found = nullptr;
  const int status = av_probe_input_buffer2(input.context(), &found, url.c_str(), nullptr, 0, 0);
  input.check();
  LPMC_REQUIRE(!input.nothing_read(), corrupt, "{}: empty file", name());
  LPMC_REQUIRE(status >= 0 && found != nullptr, unsupported, "{}: not a sound file of a format FFmpeg knows",
               name());
  LPMC_REQUIRE(!is_playlist(*found), unsupported, "{}: expected sound, found a list of other files ({})",
               name(), found->name);
  return found;
}

void AudioStream::Impl::open_container() {
  const std::string url = name_for_probing(input.path());
  const AVInputFormat* const found = probe(url);
  AVFormatContext* context = avformat_alloc_context();
  if (context == nullptr) throw std::bad_alloc();
  context->pb = input.context();
  context->interrupt_callback = {
      [](void* self) -> int { return static_cast<FileInput*>(self)->stop_requested() ? 1 : 0; }, &input};
  context->io_open = &refuse_to_open;
  context->protocol_whitelist = av_strdup("none");  // for demuxers that do not go through io_open
  context->codec_whitelist = av_strdup(audio_decoders().c_str());
  const int status = avformat_open_input(&context, url.c_str(), found, nullptr);  // frees it on failure
  format.reset(context);
  input.check();
  LPMC_REQUIRE(status >= 0, corrupt, "{}: damaged, or no {} file at all: {}", name(), found->name,
               av_error_text(status));
  const int streams_status = avformat_find_stream_info(format.get(), nullptr);
  input.check();
  LPMC_REQUIRE(streams_status >= 0, corrupt, "{}: damaged, or no {} file at all: {}", name(), found->name,
               av_error_text(streams_status));
  info.container = found->name;
}

void AudioStream::Impl::open_decoder() {
  stream = choose_stream(*format);
  LPMC_REQUIRE(stream != nullptr, unsupported, "{}: no audio stream ({})", name(), describe_streams(*format));
  for (unsigned i = 0; i < format->nb_streams; ++i) {
    if (format->streams[i] != stream) format->streams[i]->discard = AVDISCARD_ALL;
  }
  const AVCodecParameters& parameters = *stream->codecpar;
  info.codec = avcodec_get_name(parameters.codec_id);
  find_duration();
  const AVCodec* const decoder = avcodec_find_decoder(parameters.codec_id);
  LPMC_REQUIRE(decoder != nullptr, unsupported, "{}: no decoder for its sound ({})", name(), info.codec);
  codec = owned(avcodec_alloc_context3(decoder));
  int status = avcodec_parameters_to_context(codec.get(), &parameters);
  codec->pkt_timebase = stream->time_base;  // what is cut off at the start moves the time stamps
  // FFmpeg checks no FLAC checksum by default and lets noise through; like this it does too, but says so.
  if (parameters.codec_id == AV_CODEC_ID_FLAC) codec->err_recognition |= AV_EF_CRCCHECK;
  codec->thread_count = 1;  // errors are counted a thread; frames of sound are small
  if (status >= 0) status = avcodec_open2(codec.get(), decoder, nullptr);
  LPMC_REQUIRE(status >= 0, corrupt, "{}: cannot decode {}: {}", name(), info.codec, av_error_text(status));
}

/// Finds declared_s and info.duration_s.
void AudioStream::Impl::find_duration() {
  const bool known = stream->duration != AV_NOPTS_VALUE && stream->duration > 0;
  const bool container_known = format->duration != AV_NOPTS_VALUE && format->duration > 0;
  if (known) {
    info.duration_s = static_cast<double>(stream->duration) * av_q2d(stream->time_base);
  } else if (container_known) {
    info.duration_s = static_cast<double>(format->duration) / AV_TIME_BASE;
  }
  // A container's duration is that of its longest stream, and one from the bit rate is a guess.
  const bool alone =
      std::none_of(format->streams, format->streams + format->nb_streams, [&](const AVStream* other) {
        return other != stream && (other->disposition & AV_DISPOSITION_ATTACHED_PIC) == 0;
      });
  const bool guessed = format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE;
  declared_s = !guessed && (known || alone) ? info.duration_s : 0;
}

/// Puts the stream's next packet into `packet`. @return false at the end of the file
bool AudioStream::Impl::read_packet() {
  for (;;) {
    input.check();
    const int status = av_read_frame(format.get(), packet.get());
    if (status >= 0) {
      fruitless = 0;
      if (packet->stream_index == stream->index) return true;
      av_packet_unref(packet.get());
      continue;
    }
    input.check();
    if (status == AVERROR(EAGAIN) && ++fruitless < kMaxFruitless) continue;
    if (status != AVERROR_EOF) damage.stopped_by = av_error_text(status);
    return false;
  }
}

/// Gives the decoder the next packet, or tells it that there is none.
/// @return false when it will not take any more
bool AudioStream::Impl::send_packet() {
  if (draining) return false;
  const std::uint64_t errors = av_errors_logged();
  if (!read_packet()) {
    draining = true;
    return avcodec_send_packet(codec.get(), nullptr) >= 0;
  }
  const bool marked = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
  const int status = avcodec_send_packet(codec.get(), packet.get());
  av_packet_unref(packet.get());
  if (marked || status < 0 || av_errors_logged() != errors) ++damage.bad_packets;
  return true;
}

/// One frame out of the decoder into `frame`. @return false at the end
bool AudioStream::Impl::receive() {
  while (!ended) {
    const std::uint64_t errors = av_errors_logged();
    const int status = avcodec_receive_frame(codec.get(), frame.get());
    if (status != AVERROR(EAGAIN) && status != AVERROR_EOF && (status < 0 || av_errors_logged() != errors)) {
      ++damage.bad_packets;
    }
    if (status >= 0) {
      if (frame->nb_samples > 0) return true;
    } else if (status == AVERROR_EOF) {
      ended = true;
    } else if (draining) {
      // A broken decoder might report an error for ever.
      if (++fruitless >= kMaxFruitless) ended = true;
    } else if (!send_packet()) {
      ended = true;
    }
  }
  return false;
}

/// Checks the frame and finds its place.
void AudioStream::Impl::accept_frame() {
  const int rate = frame->sample_rate;
  const int channels = frame->ch_layout.nb_channels;
  LPMC_REQUIRE(rate >= kMinRate && rate <= kMaxRate, unsupported,
               "{}: sample rate: expected {} to {} Hz, found {}", name(), kMinRate, kMaxRate, rate);
  LPMC_REQUIRE(channels >= 1 && channels <= kMaxChannels, unsupported,
               "{}: channels: expected 1 to {}, found {}", name(), kMaxChannels, channels);
  const bool stamped = frame->pts != AV_NOPTS_VALUE;
  if (info.sample_rate == 0) {
    info.sample_rate = rate;
    info.channels = channels;
    origin_pts = frame->pts;
  }
  std::int64_t drift = latest_drift;
  if (stamped && origin_pts != AV_NOPTS_VALUE) {
    const std::int64_t place = av_rescale_q(frame->pts - origin_pts, stream->time_base, AVRational{1, rate});
    if (after_seek) position = place;
    drift = place - position;
  }
  if (std::abs(static_cast<double>(drift) - static_cast<double>(latest_drift)) > kGap_s * rate) ++damage.gaps;
  after_seek = false;
  latest_drift = drift;
  start = position;
  position += frame->nb_samples;
}

AudioStream::AudioStream(const std::filesystem::path& path, std::stop_token stop) {
  route_av_log();
  impl_ = std::make_unique<Impl>(path, std::move(stop));
}
AudioStream::~AudioStream() = default;
AudioStream::AudioStream(AudioStream&&) noexcept = default;
AudioStream& AudioStream::operator=(AudioStream&&) noexcept = default;

const AudioInfo& AudioStream::info() const {
  return impl_->info;
}
double AudioStream::declared_s() const {
  return impl_->declared_s;
}
const StreamDamage& AudioStream::damage() const {
  return impl_->damage;
}
std::int64_t AudioStream::frame_start() const {
  return impl_->start;
}
std::int64_t AudioStream::position() const {
  return impl_->position;
}

AVFrame* AudioStream::next() {
  if (!impl_->receive()) return nullptr;
  impl_->accept_frame();
  return impl_->frame.get();
}

bool AudioStream::seeks_exactly() const {
  const AVRational tick = impl_->stream->time_base;
  return impl_->input.seekable() && impl_->origin_pts != AV_NOPTS_VALUE &&
         pair_seeks_exactly(impl_->info.container, impl_->info.codec) && tick.num > 0 &&
         static_cast<std::int64_t>(tick.num) * impl_->info.sample_rate <= tick.den;
}

bool AudioStream::seek(std::int64_t sample) {
  const std::int64_t target = impl_->origin_pts + av_rescale_q(sample, AVRational{1, impl_->info.sample_rate},
                                                               impl_->stream->time_base);
  const int status = av_seek_frame(impl_->format.get(), impl_->stream->index, target, AVSEEK_FLAG_BACKWARD);
  impl_->input.check();
  if (status < 0) return false;
  avcodec_flush_buffers(impl_->codec.get());
  impl_->draining = impl_->ended = false;
  impl_->after_seek = true;
  impl_->latest_drift = 0;
  impl_->fruitless = 0;
  return true;
}

}  // namespace lpmc::detail
