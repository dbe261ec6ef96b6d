#include "lpmc/tag_to_caption/music_vocabulary.h"

namespace lpmc {

std::string_view common_music_terms() {
  static constexpr std::string_view kTerms =
      // Instruments.
      "guitar\nacoustic guitar\nelectric guitar\nclassical guitar\nslide guitar\nsteel guitar\nlap "
      "steel\nbass\n"
      "bass guitar\nelectric bass\ndouble bass\nupright bass\nsynth bass\npiano\ngrand piano\nelectric "
      "piano\nkeyboard\n"
      "organ\nhammond "
      "organ\nharpsichord\naccordion\nharmonica\nconcertina\nmelodica\nsynth\nsynthesizer\nsynthesiser\n"
      "synth pad\ndrum\ndrum machine\nacoustic drums\nelectronic drums\npercussion\nsnare\nsnare drum\nkick "
      "drum\n"
      "bass drum\nhi "
      "hat\ncymbal\ntambourine\nshaker\nmaracas\ncowbell\nconga\nbongo\ndjembe\ncajon\ntabla\ndholak\n"
      "timpani\ntaiko\ntriangle\ncastanets\nxylophone\nmarimba\nvibraphone\nglockenspiel\nsteelpan\nsteel "
      "drum\nbell\n"
      "chime\ngong\nsinging "
      "bowl\nviolin\nviola\ncello\nfiddle\nharp\nlute\nlyre\nzither\ndulcimer\nmandolin\nbanjo\n"
      "ukulele\nsitar\nsarod\nrubab\noud\nkoto\npipa\nerhu\nshamisen\nbouzouki\nbalalaika\nstrings\nstring "
      "section\n"
      "string quartet\norchestra\nbrass\nbrass section\nbrass band\ntrumpet\ntrombone\ntuba\nfrench "
      "horn\nhorn\n"
      "horn "
      "section\nsaxophone\nsax\nclarinet\noboe\nbassoon\nflute\npiccolo\nrecorder\nbagpipe\npanpipe\nbansuri"
      "\n"
      "didgeridoo\nwoodwind\nwind instrument\ntheremin\nvocoder\nturntable\nkalimba\n"
      // Voices.
      "vocal\nvocalist\nvoice\nsinger\nsinging\nmale vocal\nmale voice\nmale singer\nmale vocalist\nfemale "
      "vocal\n"
      "female voice\nfemale singer\nfemale vocalist\nchoir\nchildren "
      "choir\nrap\nrapper\nrapping\nbeatbox\nbeatboxing\n"
      "chanting\nhumming\nyodeling\nwhistling\nscreaming\ngrowling\nfalsetto\nsoprano\nbaritone\ntenor\na "
      "cappella\n"
      "backing vocals\nbackup vocals\nbackup singers\nvocal harmony\nautotune\nduet\nspoken "
      "word\nlyrics\ninstrumental\n"
      // Genres.
      "rock\nhard rock\nsoft rock\nindie rock\nalternative rock\npunk\npunk rock\ngrunge\nmetal\nheavy "
      "metal\n"
      "death metal\nblack metal\npop\nsynth pop\nelectro pop\nindie pop\nk pop\nhip "
      "hop\ntrap\nr&b\nsoul\nfunk\ndisco\n"
      "jazz\nsmooth jazz\nbebop\nswing\nbig "
      "band\nblues\ngospel\ncountry\nbluegrass\nfolk\nreggae\nska\ndub\ndancehall\n"
      "reggaeton\nlatin\nsalsa\nsamba\nbossa "
      "nova\ntango\nflamenco\nmariachi\ncumbia\nclassical\nbaroque\nopera\n"
      "symphony\nsymphonic\norchestral\nchamber music\nmedieval\nelectronic\nelectronica\nedm\nelectronic "
      "dance music\n"
      "dance music\ntechno\nhouse music\ndeep house\ntrance\ndubstep\ndrum and bass\nambient\nlo "
      "fi\nchillout\n"
      "new age\nindustrial\nexperimental\navant garde\npsychedelic\nprogressive "
      "rock\nafrobeat\nceltic\nirish\n"
      "middle eastern\narabic\nindian\nbollywood\ncarnatic\nchinese\njapanese\nafrican\nspanish\nworld "
      "music\n"
      "christmas\nlullaby\nballad\nmarch\nwaltz\nsoundtrack\ncinematic\nvideo game\n"
      // Tempo and rhythm.
      "fast tempo\nslow tempo\nmedium tempo\nmoderate tempo\nuptempo\nupbeat\ndowntempo\nmid tempo\nfast "
      "paced\n"
      "slow paced\nsyncopated\ngroovy\ndanceable\narpeggiated\n"
      // Moods.
      "happy\njoyful\ncheerful\nplayful\nfun\nfunny\nuplifting\ninspiring\nmotivational\nhopeful\noptimistic"
      "\n"
      "energetic\nlively\nexciting\nspirited\nvibrant\nsad\nmelancholic\nmelancholy\nsorrowful\nsomber\nemoti"
      "onal\n"
      "sentimental\nnostalgic\nromantic\npassionate\nsoulful\nsensual\nmellow\ncalm\ncalming\nrelaxing\nsooth"
      "ing\n"
      "peaceful\nserene\ntranquil\nmeditative\ndreamy\nethereal\nhypnotic\nmysterious\neerie\nspooky\nhauntin"
      "g\nscary\n"
      "sinister\nominous\ndark\nsuspenseful\ntense\ndramatic\nepic\nintense\npowerful\naggressive\nangry\ncha"
      "otic\n"
      "gritty\nquirky\nweird\ncatchy\nfunky\nmajestic\nspiritual\nreligious\ndevotional\ntraditional\nyouthfu"
      "l\n"
      "bittersweet\nmenacing\nwhimsical\n"
      // Production.
      "low quality\npoor audio quality\nlow quality recording\nhigh quality\namateur recording\nlive "
      "performance\n"
      "live recording\nhome "
      "recording\nmono\nstereo\nnoisy\nreverb\necho\ndistorted\ndistortion\nmuffled\nlow fidelity\n"
      "vinyl crackle\nsound effects\ncrowd cheering\napplause\nclapping\nhandclaps\nminor key\nmajor key";
  return kTerms;
}

}  // namespace lpmc
