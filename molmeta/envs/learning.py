"""Trains a small policy with REINFORCE on episodes of past assays."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from molmeta.envs.assay_search import FEATURES, AssaySearch, Observation
from molmeta.envs.policies import played
from molmeta.errors import ModelError
from molmeta.molecules.blocks import tensor_of
from molmeta.runtime.seeds import seed_of, torch_seed
from molmeta.runtime.tensorfiles import read_tensors, write_tensors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np


KIND = "policy"
# Torch is partly untyped, which strict checking refuses; Any is declared once here.
_torch: Any = torch


class Chooser(nn.Module):
    """Scores each candidate by its row of the observation, s(x) = k p(x) + MLP(x).

    | symbol | attribute | meaning | start value |
    |---|---|---|---|
    | k | `steepness` | weight of the probability | 20 |
    | p(x) | column `probability` of x | probability of activity | |
    | MLP | `layers` | network with one hidden layer | last layer zero |

    The last layer starts at zero, so training starts from the greedy policy. The score of a row
    does not depend on the other rows or on their number.

    Args:
        hidden: width of the hidden layer.
        steepness: start value of k.
    """

    def __init__(self, *, hidden: int = 16, steepness: float = 20.0) -> None:
        super().__init__()
        last = nn.Linear(hidden, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(nn.Linear(len(FEATURES), hidden), nn.Tanh(), last)
        self.steepness = nn.Parameter(torch.tensor(steepness))

    def forward(self, observation: Tensor) -> Tensor:
        """Logits of shape (window,), minus infinity for rows that cannot be measured."""
        p = observation[:, FEATURES.index("probability")]
        scores = self.steepness * p + self.layers(observation).squeeze(1)
        return scores.masked_fill(observation[:, 0] == 0, -torch.inf)

    def best(self, observation: Observation, rng: np.random.Generator) -> int:
        """Row with the highest score; a `Policy`."""
        del rng
        with torch.no_grad():
            return int(self(tensor_of(observation)).argmax())


@dataclass(frozen=True)
class PolicyTraining:
    """Length of the training of a policy.

    Attributes:
        steps: number of updates; each plays `rollouts` episodes with one start of one assay.
        rollouts: episodes per update, at least 2.
        learning_rate: of Adam.
        validate_every: updates between two validations, if there are assays to validate on.
        validation_repeats: episodes of each assay in a validation.
        seed: of all random draws.
    """

    steps: int = 200
    rollouts: int = 4
    learning_rate: float = 0.01
    validate_every: int = 50
    validation_repeats: int = 10
    seed: int = 0


def learn(
    env: AssaySearch,
    training: PolicyTraining,
    *,
    valid: AssaySearch | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Chooser:
    """Train a policy on the assays of an environment.

    The gradient of the log-probability of each action is weighted by the hits from that action on.
    The baseline to subtract is the mean of the other episodes with the same start.

    Args:
        env: reset it before you use it again.
        training: length of the training.
        valid: other assays; the policy that finds most hits there is returned, which may be the
            one before training. None returns the policy after the last update.
        progress: called with 1 after each update.

    Source:
        Williams, Machine Learning 1992, 8, 229 (REINFORCE); Kool et al., Buy 4 REINFORCE samples,
        get a baseline for free!, ICLR 2019 workshop (the others as baseline).
    """
    with torch_seed(training.seed, "policy"):
        chooser = Chooser()
        optimizer = _torch.optim.Adam(chooser.parameters(), lr=training.learning_rate)
        validated = [_validated(chooser, valid, training)]
        for step in range(1, training.steps + 1):
            seed = seed_of(training.seed, "episode", step - 1) % 2**31
            episodes = [_rollout(env, chooser, seed) for _ in range(training.rollouts)]
            optimizer.zero_grad()
            torch.autograd.backward(-_advantage_weighted(episodes))
            optimizer.step()
            if step % training.validate_every == 0 or step == training.steps:
                validated.append(_validated(chooser, valid, training))
            progress(1)
    if valid is not None:
        # `max` takes the first of equals, so training must improve on the policy it started from.
        chooser.load_state_dict(max(validated, key=lambda item: item[0])[1])
    return chooser


def save_policy(chooser: Chooser, path: Path) -> None:
    """Write a policy.

    Raises:
        OutputError: the file cannot be written.
    """
    write_tensors(path, chooser.state_dict(), {"kind": KIND, "features": list(FEATURES)})


def load_policy(path: Path) -> Chooser:
    """Read a policy; no code in the file is run.

    Raises:
        ModelError: the file is damaged, of another kind, or made for other observations.
    """
    tensors, header = read_tensors(path, KIND)
    try:
        chooser = Chooser(hidden=len(tensors["layers.0.bias"]))
        chooser.load_state_dict(tensors)
    except (KeyError, RuntimeError) as error:
        raise ModelError(
            f"{path}: is not a policy for these observations; got {header.get('features')}, "
            f"expected {list(FEATURES)}. Train it again."
        ) from error
    return chooser


def _validated(
    chooser: Chooser, valid: AssaySearch | None, training: PolicyTraining
) -> tuple[int, dict[str, Tensor]]:
    """Hits that a policy finds on the validation episodes, and its weights."""
    weights = copy.deepcopy(chooser.state_dict())
    if valid is None:
        return 0, weights
    hits = 0
    for name, repeat in product(valid.assays, range(training.validation_repeats)):
        seed = seed_of(training.seed, "valid", name, repeat) % 2**31
        hits += played(valid, chooser.best, seed, assay=name)["hits"]
    return hits, weights


def _rollout(env: AssaySearch, chooser: Chooser, seed: int) -> tuple[Tensor, Tensor]:
    """Log-probabilities and rewards of the T actions of one episode, shapes (T,)."""
    observation, _ = env.reset(seed=seed)
    logs: list[Tensor] = []
    rewards: list[float] = []
    done = False
    while not done:
        choice = torch.log_softmax(chooser(tensor_of(observation)), dim=0)
        action = int(_torch.multinomial(choice.detach().exp(), 1))
        logs.append(choice[action])
        observation, reward, done, _, _ = env.step(action)
        rewards.append(reward)
    return torch.stack(logs), torch.tensor(rewards)


def _advantage_weighted(episodes: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Mean over episodes of the sum over actions of log-probability times advantage."""
    logs = torch.stack([log for log, _ in episodes])
    # Reversing twice turns a cumulative sum into the rewards from each action on.
    returns = torch.stack([rewards.flip(0).cumsum(0).flip(0) for _, rewards in episodes])
    baseline = (returns.sum(0) - returns) / (len(episodes) - 1)
    return (logs * (returns - baseline)).sum(1).mean()
