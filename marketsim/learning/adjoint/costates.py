"""What an action is worth until the end of an episode, from the slopes of its slots.

    g_t = dr_t/du_t + gamma l_{t+1} dx_{t+1}/du_t                                        what is ascended
    l_t = dr_t/dx_t + dr_t/du_t dmu/dx (o_t) + gamma l_{t+1} C_t,     l_T = 0            what a carried feature is worth
    C_t = dx_{t+1}/dx_t + dx_{t+1}/du_t dmu/dx (o_t), each held to [-1, 1]               what is left of it a slot later

r_t is what all agents earn in slot t, u_t what an agent does, x_t the features that its own actions carry on (what is stored), mu
its policy. The policy's own answer is a part of it: without it a battery that is charged now would be thought to stay so until
midnight. These are the adjoint equations of the closed loop (Pontryagin et al. 1962; in learning Heess et al. 2015, arXiv
1510.09142, with the game's own slopes for a model); how others answer to what is public is left out. A policy that drives away
from what it visits, by some per cent a slot, has slopes that grow a hundredfold over a day and drown all others: hence C is held.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.learning.numbers.rollout import PlayedSlopes


def episode_slopes(slopes: PlayedSlopes, answers: FloatArray, gamma: float) -> FloatArray:
    """G of every slot [T, M, A, D]; ``answers`` are dmu/dx of the policies [T, M, A, K, D]."""
    found = np.empty_like(slopes.reward)
    worth = np.zeros_like(slopes.reward_by_carried[0])
    itself = np.eye(worth.shape[-1])
    for t in reversed(range(len(found))):
        found[t] = slopes.reward[t] + gamma * np.einsum("mak,makd->mad", worth, slopes.moved[t])
        loop = slopes.kept[t][..., np.newaxis] * itself + np.einsum("majd,makd->majk", slopes.moved[t], answers[t])
        now = slopes.reward_by_carried[t] + np.einsum("mad,makd->mak", slopes.reward[t], answers[t])
        worth = now + gamma * np.einsum("maj,majk->mak", worth, np.clip(loop, -1.0, 1.0))
    return found
