#pragma once

#include <string_view>

namespace lpmc {

/// The page of a listening test; {{TEST}} in it is where the trials go, as JSON.
inline constexpr std::string_view kListeningTestPage = R"html(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Listening test</title>
<style>
:root{color-scheme:light dark}
body{font:17px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}
.captions{display:grid;grid-template-columns:1fr 1fr;gap:1rem}
.captions div{border:1px solid #8886;border-radius:.5rem;padding:.75rem 1rem}
fieldset{border:0;padding:0;margin:1.25rem 0}legend{font-weight:600;padding:0}
label{margin-right:1.5rem;white-space:nowrap}audio{width:100%;margin:1rem 0}
@media(max-width:36rem){.captions{grid-template-columns:1fr}label{margin-right:.9rem}#rater{width:9rem}}
button{font:inherit;padding:.4rem 1.2rem;margin-right:.5rem}
progress{width:100%}
</style></head><body>
<h1>Listening test</h1>
<p>Listen to the clip, read both captions, answer both questions. Answers are kept in this browser; at the
end, save them as a file and send it back.</p>
<p><label>Your name or initials <input id="rater" autocomplete="off"></label></p>
<progress id="done" value="0"></progress>
<p id="place"></p>
<audio id="audio" controls></audio>
<div class="captions"><div><b>A</b><p id="left"></p></div><div><b>B</b><p id="right"></p></div></div>
<fieldset id="more_true_positives">
<legend>1. Which caption has more true positives: says more that is true of the music?</legend></fieldset>
<fieldset id="fewer_false_positives">
<legend>2. Which caption has fewer false positives: says less that is not true of the music?</legend></fieldset>
<p><button id="back">Back</button><button id="next">Next</button><button id="save">Save answers</button></p>
<p id="message" role="status"></p>
<script id="test" type="application/json">{{TEST}}</script>
<script>
"use strict";
const test = JSON.parse(document.getElementById("test").textContent);
const questions = ["more_true_positives", "fewer_false_positives"];
const key = "listening-test-" + test.test;
const at = (id) => document.getElementById(id);
let state = {rater: "", answers: {}};
try { state = JSON.parse(localStorage.getItem(key)) || state; } catch (error) { /* begins anew */ }
let place = 0;
function keep() {
  try { localStorage.setItem(key, JSON.stringify(state)); } catch (error) { /* answers stay in memory */ }
}
function finished() {
  return test.trials.filter((trial, index) =>
    questions.every((question) => (state.answers[index] || {})[question])).length;
}
for (const question of questions) {
  for (const [value, text] of [["left", "A"], ["right", "B"], ["draw", "no difference"]]) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "radio";
    input.name = question;
    input.value = value;
    input.addEventListener("change", () => {
      state.answers[place] = Object.assign({}, state.answers[place], {[question]: value});
      keep();
      at("done").value = finished();
    });
    label.append(input, " " + text);
    at(question).append(label);
  }
}
function show() {
  const trial = test.trials[place];
  at("place").textContent = "Clip " + (place + 1) + " of " + test.trials.length;
  at("left").textContent = trial.left;
  at("right").textContent = trial.right;
  at("audio").hidden = !trial.audio;
  if (trial.audio) at("audio").src = trial.audio; else at("audio").removeAttribute("src");
  for (const question of questions) {
    const answer = (state.answers[place] || {})[question];
    for (const input of document.getElementsByName(question)) input.checked = input.value === answer;
  }
  at("back").disabled = place === 0;
  at("next").disabled = place + 1 === test.trials.length;
  at("done").max = test.trials.length;
  at("done").value = finished();
}
at("rater").value = state.rater;
at("rater").addEventListener("input", () => { state.rater = at("rater").value; keep(); });
at("back").addEventListener("click", () => { place -= 1; show(); });
at("next").addEventListener("click", () => { place += 1; show(); });
at("save").addEventListener("click", () => {
  const system = (trial, side) => side === "draw" ? "draw"
    : (side === "left") === (trial.left_is === "first") ? "first" : "second";
  const answers = [];
  test.trials.forEach((trial, index) => {
    const given = state.answers[index] || {};
    if (!questions.some((question) => given[question])) return;
    const answer = {clip: trial.clip};
    for (const question of questions) if (given[question]) answer[question] = system(trial, given[question]);
    answers.push(answer);
  });
  const text = JSON.stringify({test: test.test, first: test.first, second: test.second,
                               rater: state.rater.trim(), answers}, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {type: "application/json"}));
  link.download = "answers-" + (state.rater.trim().replace(/[^A-Za-z0-9_-]+/g, "_") || "rater") + ".json";
  link.click();
  URL.revokeObjectURL(link.href);
  at("message").textContent = finished() + " of " + test.trials.length + " clips answered; file saved.";
});
show();
</script></body></html>
)html";

}  // namespace lpmc
