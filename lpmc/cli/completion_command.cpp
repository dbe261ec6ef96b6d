#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lpmc/cli/commands.h"
#include "lpmc/cli/common_options.h"

namespace lpmc::cli {
namespace {

/// A command as completion sees it: its path ("model info"), sub-commands and flags.
struct CompletionEntry {
  struct Flag {
    std::string name;                  // "--format"
    std::string help;                  // its first line
    std::vector<std::string> choices;  // empty: a file name or a number
    bool takes_value;
  };
  std::string path;
  std::string summary;
  std::vector<std::string> sub_commands;
  std::vector<Flag> flags;
};

/// one_of() leaves "text|json" in the option's type name.
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.rfind(':');
  std::vector<std::string> choices;
  if (type.find('|') == std::string::npos) return choices;
  std::string rest = begin == std::string::npos ? type : type.substr(begin + 1);
  for (std::size_t end; !rest.empty(); rest.erase(0, std::min(end, rest.size() - 1) + 1)) {
    end = rest.find('|');
    choices.push_back(rest.substr(0, end));
  }
  return choices;
}

void collect(const CLI::App& app, const std::string& path, std::vector<CompletionEntry>& entries) {
  CompletionEntry entry;
  entry.path = path;
  entry.summary = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      entry.flags.push_back({"--" + name, option->get_description(), choices_of(*option),
                             option->get_items_expected_max() > 0});
    }
  }
  const auto subs = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : subs)
    entry.sub_commands.push_back(sub->get_name());
  entries.push_back(std::move(entry));
  for (const CLI::App* sub : subs)
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), entries);
}

std::vector<std::string> flag_names(const CompletionEntry& entry) {
  std::vector<std::string> names;
  for (const auto& flag : entry.flags)
    names.push_back(flag.name);
  return names;
}

std::string bash_script(const std::vector<CompletionEntry>& entries) {
  std::string cases, values;
  for (const CompletionEntry& entry : entries) {
    cases += fmt::format("    '{}') words='{} {}' ;;\n", entry.path, fmt::join(entry.sub_commands, " "),
                         fmt::join(flag_names(entry), " "));
    for (const auto& flag : entry.flags) {
      if (flag.choices.empty()) continue;
      values += fmt::format("    '{} {}') COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return ;;\n",
                            entry.path, flag.name, fmt::join(flag.choices, " "));
    }
  }
  return fmt::format(
      R"(# bash completion for lpmc; install: lpmc completion bash > ~/.local/share/bash-completion/completions/lpmc
_lpmc() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" path='' word words=''
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "${{path:+$path }}$word" in
{}    esac
  done
  case "$path $prev" in
{}  esac
  case "$path" in
{}  esac
  [[ $cur == -* || -z $path || $path == model ]] && COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _lpmc lpmc
)",
      [&] {
        std::string paths;
        for (const CompletionEntry& entry : entries) {
          if (!entry.path.empty()) paths += fmt::format("      '{0}') path='{0}' ;;\n", entry.path);
        }
        return paths;
      }(),
      values, cases);
}

/// Single quotes as zsh and fish want them inside single quotes.
std::string quoted(std::string text, std::string_view replacement) {
  for (std::size_t at = text.find('\''); at != std::string::npos;
       at = text.find('\'', at + replacement.size())) {
    text.replace(at, 1, replacement);
  }
  return text;
}

std::string fish_script(const std::vector<CompletionEntry>& entries) {
  std::string script =
      "# fish completion for lpmc; install: lpmc completion fish > ~/.config/fish/completions/lpmc.fish\n";
  const auto help = [](const std::string& text) { return quoted(text, "\\'"); };
  for (const CompletionEntry& entry : entries) {
    std::string condition = "__fish_use_subcommand";
    if (!entry.path.empty()) {
      const std::size_t space = entry.path.find(' ');
      condition = "__fish_seen_subcommand_from " + entry.path.substr(0, space);
      if (space != std::string::npos)
        condition += "; and __fish_seen_subcommand_from " + entry.path.substr(space + 1);
    }
    for (const std::string& sub : entry.sub_commands) {
      const auto found = std::ranges::find(entries, entry.path.empty() ? sub : entry.path + " " + sub,
                                           &CompletionEntry::path);
      script += fmt::format("complete -c lpmc -n '{}' -a {} -d '{}'\n", condition, sub, help(found->summary));
    }
    for (const auto& flag : entry.flags) {
      script += fmt::format("complete -c lpmc -n '{}' -l {} -d '{}'", condition, flag.name.substr(2),
                            help(flag.help));
      if (!flag.choices.empty())
        script += fmt::format(" -x -a '{}'", fmt::join(flag.choices, " "));
      else if (flag.takes_value)
        script += " -r";
      script += "\n";
    }
  }
  return script;
}

std::string zsh_script(const std::vector<CompletionEntry>& entries) {
  // zsh runs bash's completion through its own compatibility layer.
  return "#compdef lpmc\n# zsh completion for lpmc; install: lpmc completion zsh > ~/.zsh/completions/_lpmc "
         "(in fpath)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_script(entries);
}

}  // namespace

void add_completion_command(CLI::App& app, RunFunction& run) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("shell", *shell, "bash, zsh or fish")->required()->check(one_of({"bash", "zsh", "fish"}));
  add_examples(app, "  lpmc completion bash > ~/.local/share/bash-completion/completions/lpmc\n");
  app.callback([&app, &run, shell] {
    run = [&app, shell] {
      std::vector<CompletionEntry> entries;
      collect(*app.get_parent(), "", entries);
      const std::string script = *shell == "bash"  ? bash_script(entries)
                                 : *shell == "zsh" ? zsh_script(entries)
                                                   : fish_script(entries);
      fmt::print("{}", script);
      return kAllDone;
    };
  });
}

}  // namespace lpmc::cli
