"""A small policy that learns to choose from the assays of others: REINFORCE on episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from molmeta.blocks import tensor_of
from molmeta.checkpoints import read_tensors, write_tensors
from molmeta.envs.assay_search import FEATURES
from molmeta.errors import ModelError
from molmeta.seeds import seed_of, torch_seed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from molmeta.envs.assay_search import AssaySearch, Observation

KIND = "policy"
# Torch leaves some parameters without a type, which strict checking refuses; Any says so once.
_torch: Any = torch


class Chooser(nn.Module):
    """Scores each candidate by its own row: s(x) = k p(x) + MLP(x), p its probability.

    The last layer begins at zero, so that what is learnt begins as the greedy choice. A row's
    score does not depend on the other rows, nor on how many there are.

    Args:
        hidden: width of the hidden layer.
        steepness: k, how far the first choices follow the probability.
    """

    def __init__(self, *, hidden: int = 16, steepness: float = 20.0) -> None:
        super().__init__()
        last = nn.Linear(hidden, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(nn.Linear(len(FEATURES), hidden), nn.Tanh(), last)
        self.steepness = nn.Parameter(torch.tensor(steepness))

    def forward(self, observation: Tensor) -> Tensor:
        """Return logits of shape (window,), minus infinity for rows that are not open."""
        chance = observation[:, FEATURES.index("probability")]
        scores = self.steepness * chance + self.layers(observation).squeeze(1)
        return scores.masked_fill(observation[:, 0] == 0, -torch.inf)

    def best(self, observation: Observation, rng: np.random.Generator) -> int:
        """The policy that takes the highest score."""
        del rng
        with torch.no_grad():
            return int(self(tensor_of(observation)).argmax())


@dataclass(frozen=True)
class PolicyTraining:
    """How long a policy is trained.

    Attributes:
        steps: updates; each plays `rollouts` episodes of one start of one assay.
        rollouts: episodes an update, at least 2.
        learning_rate: of Adam.
        seed: of everything that is drawn.
    """

    steps: int = 200
    rollouts: int = 4
    learning_rate: float = 0.01
    seed: int = 0


def learn(
    env: AssaySearch,
    training: PolicyTraining,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Chooser:
    """Return a policy that was trained on the assays of an environment.

    The gradient of the log-probability of each action is weighted by the hits from there on, less
    what the other episodes of the same start had at that action.

    Args:
        env: reset it before another use.
        training: how long.
        progress: called with 1 after each update.

    Source:
        Williams, Machine Learning 1992, 8, 229 (REINFORCE); Kool et al., Buy 4 REINFORCE samples,
        get a baseline for free!, ICLR 2019 workshop (the others as baseline).
    """
    with torch_seed(training.seed, "policy"):
        chooser = Chooser()
        optimizer = _torch.optim.Adam(chooser.parameters(), lr=training.learning_rate)
        for step in range(training.steps):
            seed = seed_of(training.seed, "episode", step) % 2**31
            played = [_rollout(env, chooser, seed) for _ in range(training.rollouts)]
            optimizer.zero_grad()
            torch.autograd.backward(-_advantage_weighted(played))
            optimizer.step()
            progress(1)
    return chooser


def save_policy(chooser: Chooser, path: Path) -> None:
    """Write a policy.

    Raises:
        OutputError: the file cannot be written.
    """
    write_tensors(path, chooser.state_dict(), {"kind": KIND, "features": list(FEATURES)})


def load_policy(path: Path) -> Chooser:
    """Read a policy; no code in the file is ever run.

    Raises:
        ModelError: the file is damaged, of another kind, or made for other observations.
    """
    tensors, header = read_tensors(path, KIND)
    try:
        chooser = Chooser(hidden=len(tensors["layers.0.bias"]))
        chooser.load_state_dict(tensors)
    except (KeyError, RuntimeError) as error:
        raise ModelError(
            f"{path}: is no policy for these observations; got {header.get('features')}, "
            f"expected {list(FEATURES)}. Train it again."
        ) from error
    return chooser


def _rollout(env: AssaySearch, chooser: Chooser, seed: int) -> tuple[Tensor, Tensor]:
    """Play one episode and return log-probabilities and rewards of its actions, shape (T,)."""
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


def _advantage_weighted(played: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The mean over episodes of sum over actions of log-probability times advantage."""
    logs = torch.stack([log for log, _ in played])
    ahead = torch.stack([rewards.flip(0).cumsum(0).flip(0) for _, rewards in played])
    others = (ahead.sum(0) - ahead) / (len(played) - 1)
    return (logs * (ahead - others)).sum(1).mean()
