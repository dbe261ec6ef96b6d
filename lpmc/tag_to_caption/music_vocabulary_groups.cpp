#include "lpmc/tag_to_caption/music_vocabulary_groups.h"

#include <array>
#include <unordered_map>

namespace lpmc {
namespace {

/// `words` mean the same; each word of `kinds` is a kind of it: who says it has said the group, not the other
/// way round.
struct Row {
  std::string_view words, kinds;
};

constexpr std::array kRows = {
    // The named groups, in the order of Group.
    Row{"voice vocal vocalist singer sing sings singing sung sang vocally voiced vocalisation vocalization "
        "vocalise",
        "soprano alto tenor baritone contralto mezzo falsetto choir choral chorus choirs rap rapper rapping "
        "raps rapped "
        "croon crooning hum humming hums yodel yodeling yodelling scat scatting chant chanting chants "
        "acappella opera "
        "operatic beatbox beatboxing vocoder diva songstress frontman harmonizing harmonising harmonized "
        "growl growling "
        "scream screaming belting whispering vocaloid ad-lib singalong lullaby duet"},
    Row{"female woman girl lady feminine",
        "she her soprano contralto diva songstress actress mother girlfriend"},
    Row{"male man boy guy gentleman masculine", "he his him baritone tenor frontman father boyfriend"},
    Row{"instrumental instrumentally", ""},
    Row{"fast quick quickly rapid rapidly brisk briskly uptempo upbeat speedy swift frenetic hurried faster",
        "allegro presto breakneck driving"},
    Row{"slow slowly downtempo leisurely unhurried sluggish slower slowed languid",
        "adagio largo lento ballad"},
    Row{"medium moderate moderately midtempo mid average", "andante"},
    Row{"tempo pace paced bpm speed rhythm", "uptempo downtempo midtempo upbeat brisk"},
    Row{"low poor poorly bad badly inferior lousy lofi mediocre awful crappy subpar", "amateurish"},
    Row{"high good great excellent pristine superior hifi", ""},
    Row{"quality fidelity", "lofi hifi"},
    Row{"happy joyful joyous cheerful cheery merry gleeful jolly happiness joy joyfully cheerfully jovial",
        "elated euphoric jubilant"},
    Row{"sad melancholic melancholy sorrowful sadness mournful sorrow somber sombre gloomy",
        "heartbreaking heartbroken lonely tearful"},
    Row{"major", ""},
    Row{"minor", ""},
    Row{"mono monophonic", ""},
    Row{"stereo", ""},
    Row{"loud loudly noisy blaring deafening thunderous", ""},
    Row{"quiet quietly hushed", ""},
    Row{"calm calming calmly relaxing relaxed relax soothing peaceful peacefully tranquil serene tranquility "
        "serenity "
        "restful chill chilled laidback mellow relaxation easygoing soothe",
        "meditative lullaby"},
    Row{"aggressive aggressively aggression ferocious fierce fiercely violent hostile", "brutal"},
    Row{"acoustic acoustically unplugged", "ukulele banjo mandolin"},
    Row{"electric amplified", "distorted overdriven"},
    Row{"solo alone single sole noother unaccompanied soloist lone one only solely solitary", "acappella"},
    Row{"lyric lyrics lyrical", ""},
    // Voices and people.
    Row{"choir choral chorus", ""},
    Row{"child kid childlike kids children", "toddler baby"},
    Row{"backing background backup", ""},
    Row{"crowd audience spectator", ""},
    Row{"cheer cheering applause applauding applaud", ""},
    Row{"clap claps clapping handclap handclaps clapped", "applause"},
    Row{"talk talking speak speaking speech spoken narrate narration narrating narrator speaks talks", ""},
    Row{"rap rapper rapping raps rapped", ""},
    Row{"whistle whistling", ""},
    Row{"snap snapping snip snipping click snaps", ""},
    Row{"duet duo", ""},
    Row{"opera operatic", "aria"},
    Row{"emcee mc dj disc", ""},
    // Instruments and their families.
    Row{"drum drumming drummer percussion percussive percussionist percussively drumbeat drumline drumset",
        "snare kick hihat hihats cymbal tabla tablas conga congas bongo bongos djembe timpani tambourine "
        "shaker maraca "
        "maracas cajon cowbell dholak taiko toms tom rimshot rimshots castanets triangle woodblock marimba "
        "xylophone "
        "vibraphone glockenspiel bodhran darbuka udu mridangam beatbox beatboxing clap claps clapping"},
    Row{"beat groove rhythm rhythmic rhythmically pulse pulsating drumbeat rhythms backbeat",
        "drumming percussion"},
    Row{"string strings stringed strum strumming",
        "violin viola cello fiddle harp guitar sitar banjo mandolin lute oud koto pipa zither erhu ukulele "
        "bouzouki "
        "sarod rubab dulcimer balalaika contrabass orchestra orchestral symphony violinist cellist"},
    Row{"orchestra orchestral symphony symphonic philharmonic orchestration orchestrated", ""},
    Row{"brass brassy", "trumpet trombone tuba horn horns cornet flugelhorn sousaphone"},
    Row{"horn horns", "trumpet trombone saxophone sax tuba"},
    Row{"woodwind wind woodwinds winds",
        "flute clarinet oboe bassoon saxophone sax recorder piccolo panpipe bansuri ocarina shakuhachi"},
    Row{"saxophone sax saxophonist", ""},
    Row{"violin violinist fiddle fiddler", ""},
    Row{"cello cellist", ""},
    Row{"harp harpist", ""},
    Row{"flute flutist flautist", "bansuri"},
    Row{"keyboard keyboards keys keyboardist keybord",
        "piano synth synthesizer synthesiser organ harpsichord clavinet rhodes celesta mellotron epiano "
        "pianist"},
    Row{"piano pianist pianos", ""},
    Row{"organ organist hammond", ""},
    Row{"synth synthesizer synthesiser synthesized synthesised synthy synths synthetic", "moog mellotron"},
    Row{"guitar guitarist guitars", "bassguitar"},
    Row{"bass bassline bassist bassguitar ebass", "contrabass upright"},
    Row{"upright double contrabass", ""},
    Row{"electronic electronica electro digital digitally programmed synthesized synthesised edm "
        "computerized",
        "techno house trance dubstep synth synthesizer synthesiser electropop synthpop idm drumandbass "
        "eurodance"},
    Row{"bell bells chime chimes", "glockenspiel"},
    Row{"turntable scratch scratching turntables turntablism", ""},
    Row{"harmonica", ""},
    Row{"accordion accordian concertina", ""},
    Row{"ukulele ukelele", ""},
    Row{"harpsichord harpsicord", ""},
    Row{"wooden wood", "marimba xylophone woodblock"},
    Row{"pluck plucked plucking pizzicato fingerpicked fingerpicking fingerstyle arpeggiated picked picking",
        ""},
    Row{"melody melodic melodies tune melodious melodically motif harmony harmonic harmonies harmonious "
        "accompaniment "
        "accompany accompanying accompanied accompanies",
        "riff lick"},
    Row{"lead main", ""},
    Row{"arpeggio arpeggiated arpeggios", ""},
    Row{"chord chords chordal", ""},
    Row{"distort distorted distortion overdriven overdrive", ""},
    Row{"reverb reverberant reverberating reverberation echo echoing echoey echoes reverberated reverberates",
        ""},
    Row{"autotune autotuned", ""},
    Row{"sustain sustained sustaining", ""},
    Row{"repeat repeated repeating repetitive repetition loop looping looped repetitively repeats recurring "
        "recurrent",
        ""},
    // Genres.
    Row{"hiphop rap", "trap"},
    Row{"rnb", ""},
    Row{"dance danceable dancing edm", "house techno disco trance eurodance club"},
    Row{"club clubs nightclub", ""},
    Row{"classical", "baroque opera operatic symphony symphonic philharmonic"},
    Row{"latin latino", "salsa bossa samba reggaeton bachata merengue mambo cumbia"},
    Row{"metal metallic", "metalcore"},
    Row{"psychedelic trippy psychedelia hallucinatory hallucinogenic", ""},
    Row{"soundtrack score cinematic movie film", ""},
    Row{"game videogame gaming arcade", ""},
    Row{"religious devotional spiritual worship devotion sacred", "gospel hymn prayer"},
    Row{"traditional folk ethnic folksy", ""},
    Row{"indian india hindi bollywood hindu", "carnatic punjabi"},
    Row{"middleeastern arabic arab arabian", ""},
    Row{"oriental asian fareastern eastern", "chinese japanese korean"},
    Row{"spanish spain flamenco", ""},
    Row{"celtic", "irish scottish"},
    Row{"jazz jazzy", "bebop swing"},
    Row{"country", "bluegrass"},
    Row{"rock rocky", "grunge punk"},
    Row{"christmas xmas", "carol carols"},
    Row{"80s 1980s eighties", ""},
    Row{"90s 1990s nineties", ""},
    Row{"70s 1970s seventies", ""},
    Row{"60s 1960s sixties", ""},
    Row{"retro vintage oldschool old classic nostalgic", "80s 70s 60s 50s"},
    Row{"ambient ambience ambiance atmospheric atmosphere", "drone"},
    // Moods and qualities.
    Row{"energetic energy lively vigorous dynamic spirited vivacious vibrant animated energetically peppy "
        "perky "
        "invigorating high-energy bouncy exuberant zestful energized energised electrifying upbeat "
        "enthusiastic buoyant",
        "frenetic driving"},
    Row{"exciting excited excitement thrilling exhilarating adrenaline", ""},
    Row{"fun playful playfully funny humorous comedic whimsical", ""},
    Row{"uplifting inspiring inspirational motivational motivating inspire hopeful uplift positive "
        "optimistic feelgood",
        ""},
    Row{"emotional emotive emotion heartfelt poignant touching moving soulful sentimental emotionally "
        "expressive",
        ""},
    Row{"passionate passionately passion fervent impassioned", ""},
    Row{"romantic romance love loving romantically amorous", ""},
    Row{"eerie spooky haunting creepy scary haunted ominous sinister unsettling menacing frightening "
        "foreboding horror terrifying "
        "chilling haunt",
        ""},
    Row{"suspense suspenseful tense tension anticipation thrilling", ""},
    Row{"mysterious mystery mystical enigmatic mystic", ""},
    Row{"intense intensity powerful intensely forceful", ""},
    Row{"epic grand majestic grandiose", ""},
    Row{"dramatic drama theatrical dramatically", ""},
    Row{"dreamy ethereal dreamlike otherworldly celestial heavenly", ""},
    Row{"hypnotic mesmerizing mesmerising trance entrancing hypnotizing hypnotising", ""},
    Row{"groovy groove grooving funky grooves", ""},
    Row{"catchy addictive infectious earworm memorable", ""},
    Row{"soft softly gentle gently tender delicate mellow subtle", ""},
    Row{"simple minimal minimalist minimalistic basic sparse simplistic minimalism", ""},
    Row{"complex intricate elaborate", ""},
    Row{"chaotic chaos messy hectic frantic disorganized", ""},
    Row{"weird strange bizarre odd quirky eccentric unusual", ""},
    Row{"dark darkness", "gothic"},
    Row{"heavy heavily", ""},
    Row{"deep", ""},
    Row{"pleasant enjoyable pleasing nice lovely", ""},
    Row{"beautiful beautifully gorgeous", ""},
    Row{"meditative meditation meditational contemplative zen pensive reflective introspective", ""},
    Row{"engaging captivating compelling enthralling captivate", ""},
    Row{"youthful young teenage teen", ""},
    Row{"sensual sexy sultry seductive", ""},
    Row{"strong powerful robust", ""},
    Row{"bright shimmering sparkling shiny shimmer", ""},
    Row{"punchy", "snappy"},
    Row{"muffled muffle muddy muddled", ""},
    Row{"tinny thin", ""},
    Row{"steady consistent constant unwavering", ""},
    Row{"different various varied", ""},
    // Recordings.
    Row{"live concert", ""},
    Row{"amateur amateurish homemade unprofessional home", ""},
    Row{"noise noisy noises static hiss hissing", "crackle crackling"},
    Row{"cover covers rendition remake", ""},
    Row{"tutorial lesson instructional teaching teach instructive demonstration demonstrating demo", ""},
    Row{"advertisement commercial ad advert jingle", ""},
    Row{"children's kids kid's", ""},
    Row{"foreign", "spanish french german hindi arabic chinese japanese korean italian russian portuguese"},
    Row{"group ensemble band", "orchestra trio quartet quintet"},
    Row{"bird birds birdsong chirping chirp", ""},
    Row{"nature natural outdoors", "birdsong"},
    Row{"harmonise harmonize harmonizing harmonising harmony harmonies harmonized harmonised", ""},
    Row{"improvise improvisation improvised improvisational jam jamming improvising", ""},
    Row{"syncopated syncopation syncopate", ""},
    Row{"futuristic scifi futurism", ""},
    Row{"multiple several various many", ""},
    Row{"mix mixed mixing blend", ""},
    Row{"building build builds buildup rising riser crescendo", ""},
};
static_assert(kRows.size() <= kMaxGroups);

using Table = std::unordered_map<std::string_view, WordGroups>;

template <class Take>
void each_word(std::string_view words, Take&& take) {
  while (!words.empty()) {
    const std::size_t end = words.find(' ');
    take(words.substr(0, end));
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
  }
}

Table make_table() {
  Table table;
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    each_word(kRows[i].words, [&](std::string_view word) {
      WordGroups& groups = table[word];
      groups.same.set(i);
      groups.implied.set(i);
    });
    each_word(kRows[i].kinds, [&](std::string_view word) { table[word].implied.set(i); });
  }
  return table;
}

}  // namespace

const WordGroups& groups_of(std::string_view text, std::string_view lemma) {
  static const Table table = make_table();
  static const WordGroups none;
  if (const auto found = table.find(text); found != table.end()) return found->second;
  const auto found = table.find(lemma);
  return found == table.end() ? none : found->second;
}

}  // namespace lpmc
