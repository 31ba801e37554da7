"use strict";

const at = (id) => document.getElementById(id);
const VERDICTS = new Map([
  ["pass", ["Pass", "good"]],
  ["review", ["Review", ""]],
  ["reject", ["Reject", "bad"]],
  ["doubtful", ["Doubtful: it may be another part", ""]],
  ["unknown", ["Unknown part", ""]],
]);

async function answerOf(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
}

async function describe() {
  const model = await answerOf(await fetch("v1/model"));
  const limits = Object.values(model.limits).map((one) => one.reject);
  const rate = Math.max(...limits.map((one) => one.rate));
  const certified = limits.every((one) => one.value !== null)
    ? `at most ${Number((100 * rate).toFixed(2))} % false alarms`
    : "some parts get scores without a verdict: too few nominal scans to certify a limit";
  at("model").textContent = `${model.file}, trained on ${model.categories.join(", ")}; ${certified}.`;
  at("scan").accept = model.suffixes.join(",");
  for (const name of model.categories) at("category").add(new Option(name, name));
}

async function score() {
  const query = new URLSearchParams({ picture: "true" });
  for (const name of ["category", "unit"]) if (at(name).value) query.set(name, at(name).value);
  const form = new FormData();
  form.append("scan", at("scan").files[0]);
  return answerOf(await fetch(`v1/score?${query}`, { method: "POST", body: form }));
}

function show(result) {
  const [text, style] = VERDICTS.get(result.verdict) ?? ["No verdict", ""];
  at("decision").textContent = text;
  at("decision").className = style;
  at("reasons").textContent = result.reasons.map((reason) => `${reason}.`).join(" ");
  at("object-score").textContent = result.object_score?.toFixed(3) ?? "not scored";
  at("object-threshold").textContent = result.object_threshold?.toFixed(3) ?? "none";
  at("scored-as").textContent = result.category;
  at("anomalous-points").textContent = `${result.anomalous_points} of ${result.point_count}`;
  at("picture").src = result.picture;
  at("result").hidden = false;
}

function say(text, style = "") {
  at("status").textContent = text;
  at("status").className = style;
}

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  at("result").hidden = true;
  say("Scoring …");
  try {
    show(await score());
    say("");
  } catch (error) {
    say(error.message, "bad");
  } finally {
    button.disabled = false;
  }
});

describe().catch((error) => say(error.message, "bad"));
