"""Critics compute the equations of their docstrings: held against plain NumPy, agent by agent and head by head."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from marketsim.learning.critics import blocks
from marketsim.learning.critics.attention import AttentionCritic
from marketsim.learning.critics.critic import CriticShape
from marketsim.learning.critics.differential import DifferentialCritic
from marketsim.learning.critics.mlp import MlpCritic

SHAPE = CriticShape(n_critics=2, n_agents=3, n_features=2, n_numbers=1, n_state=2)
N, WIDTH = 4, 8
CRITICS = {
    "mlp": MlpCritic.of(SHAPE, (5, 4)),
    "attention": AttentionCritic(SHAPE, WIDTH, heads=2),
    "differential": DifferentialCritic(SHAPE, WIDTH, heads=2, lambda_init=0.2),
}


def made(critic):
    """Parameters of two critics, none of them at a special value."""
    weights = critic.initial(torch.Generator().manual_seed(3))
    return weights + 0.1 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(4))


def looks(n=N, seed=5):
    rng = torch.Generator().manual_seed(seed)
    size = ((n, 3, 2), (n, 3, 1), (n, 2))
    return tuple(torch.randn(each, generator=rng) for each in size)


def values(critic, weights, *inputs):
    return critic.values(torch.split(weights, critic.sizes, dim=1), *inputs)


def parts(critic, weights, k):
    """The layers of critic ``k`` as arrays of double precision."""
    return [part[k].double().numpy() for part in torch.split(weights, critic.sizes, dim=1)]


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def norm(x, gain):
    return x / np.sqrt((x**2).mean(axis=1, keepdims=True) + 1e-5) * gain


def token(k_layers, seen, actions, state):
    """x_i = W_e [o_i, u_i, s] + b_i of one situation [A, width]."""
    w, b = k_layers
    everything = [np.concatenate([seen[i], actions[i], state]) for i in range(3)]
    return np.stack([each @ w.reshape(5, WIDTH) + b.reshape(3, WIDTH)[i] for i, each in enumerate(everything)])


def read(k_layers, y):
    gain, w1, b1, w2, b2 = k_layers
    hidden = norm(y, gain) @ w1.reshape(WIDTH, 2 * WIDTH) + b1
    return (hidden / (1.0 + np.exp(-hidden))) @ w2 + b2


def plain(k_layers, x):
    """Attention is a weighted mean of values, a head after the other."""
    gain, *matrices = k_layers
    w_q, w_k, w_v, w_o = (each.reshape(WIDTH, WIDTH) for each in matrices)
    n = norm(x, gain)
    d = WIDTH // 2
    heads = []
    for h in range(2):
        own = slice(h * d, (h + 1) * d)
        q, k, v = n @ w_q[:, own], n @ w_k[:, own], n @ w_v[:, own]
        heads.append(softmax(q @ k.T / np.sqrt(d)) @ v)
    return np.concatenate(heads, axis=1) @ w_o


def differential(k_layers, x, lambda_init=0.2):
    """Ye et al. 2024, equations 1 to 3: two attentions a head, of half the width, one taken off the other."""
    gain, *matrices, vectors, head_gain = k_layers
    w_q, w_k, w_v, w_o = (each.reshape(WIDTH, WIDTH) for each in matrices)
    n = norm(x, gain)
    d = WIDTH // 4
    q1, k1, q2, k2 = vectors.reshape(4, d)
    share = np.exp(q1 @ k1) - np.exp(q2 @ k2) + lambda_init
    heads = []
    for h in range(2):
        at = 2 * h * d
        first, second, whole = slice(at, at + d), slice(at + d, at + 2 * d), slice(at, at + 2 * d)
        one = softmax(n @ w_q[:, first] @ (n @ w_k[:, first]).T / np.sqrt(d))
        other = softmax(n @ w_q[:, second] @ (n @ w_k[:, second]).T / np.sqrt(d))
        heads.append((1.0 - lambda_init) * norm((one - share * other) @ (n @ w_v[:, whole]), head_gain))
    return np.concatenate(heads, axis=1) @ w_o


def expected(kind, k_layers, seen, actions, state):
    if kind == "mlp":
        everything = np.concatenate([seen.ravel(), actions.ravel(), state])
        w1, b1, w2, b2, w3, b3, _ = k_layers
        hidden = np.tanh(everything @ w1.reshape(11, 5) + b1)
        return np.tanh(hidden @ w2.reshape(5, 4) + b2) @ w3.reshape(4, 3) + b3
    x = token(k_layers[:2], seen, actions, state)
    attended = plain(k_layers[2:7], x) if kind == "attention" else differential(k_layers[2:9], x)
    return read(k_layers[-5:], x + attended)


@pytest.mark.parametrize("kind", CRITICS)
def test_each_critic_of_a_stack_gives_what_its_equations_say(kind):
    """Situation by situation, in double precision and with plain loops."""
    critic, inputs = CRITICS[kind], looks()
    weights = made(critic)
    found = values(critic, weights, *inputs)
    assert found.shape == (2, N, 3)
    for k in range(2):
        for n in range(N):
            wanted = expected(kind, parts(critic, weights, k), *(each[n].double().numpy() for each in inputs))
            np.testing.assert_allclose(found[k, n].numpy(), wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("kind", CRITICS)
def test_a_stack_is_as_many_critics_that_do_not_know_each_other(kind):
    critic, inputs = CRITICS[kind], looks()
    weights = made(critic)
    changed = weights.clone()
    changed[1] += 1.0
    assert torch.equal(values(critic, weights, *inputs)[0], values(critic, changed, *inputs)[0])
    assert not torch.equal(values(critic, weights, *inputs)[1], values(critic, changed, *inputs)[1])


@pytest.mark.parametrize("kind", CRITICS)
def test_every_agents_value_depends_on_every_agents_action_and_on_the_state(kind):
    critic, (seen, actions, state) = CRITICS[kind], looks(1)
    weights = made(critic)
    for j in range(3):
        moved = actions.clone()
        moved[:, j] += 0.5
        apart = (values(critic, weights, seen, moved, state) - values(critic, weights, seen, actions, state)).abs()
        assert bool((apart > 1e-6).all())
    apart = values(critic, weights, seen, actions, state + 0.5) - values(critic, weights, seen, actions, state)
    assert bool((apart.abs() > 1e-6).all())


@pytest.mark.parametrize("kind", CRITICS)
def test_parameters_to_begin_with_are_as_many_as_the_layers_and_each_critics_own(kind):
    critic = CRITICS[kind]
    weights = critic.initial(torch.Generator().manual_seed(1))
    assert weights.shape == (2, sum(critic.sizes))
    assert not torch.equal(weights[0], weights[1])
    assert torch.equal(weights, critic.initial(torch.Generator().manual_seed(1)))


@pytest.mark.parametrize("kind", ["attention", "differential"])
def test_attention_takes_agents_in_any_order(kind):
    """Without their own biases, agents in another order have the same values in that order: weights are shared."""
    critic, (seen, actions, state) = CRITICS[kind], looks()
    weights = made(critic)
    begin = SHAPE.n_token * WIDTH
    weights[:, begin : begin + 3 * WIDTH] = 0.0
    order = [2, 0, 1]
    found = values(critic, weights, seen[:, order], actions[:, order], state)
    np.testing.assert_allclose(
        found.numpy(), values(critic, weights, seen, actions, state)[:, :, order].numpy(), atol=1e-5
    )


def test_lambda_begins_near_its_initial_value_and_is_what_the_vectors_say():
    """exp(l_q1 . l_k1) - exp(l_q2 . l_k2) + lambda_init."""
    critic = CRITICS["differential"]
    vectors = torch.tensor([[1.0, 2.0, 0.5, 0.25, 0.0, 1.0, 3.0, 0.0], [0.0] * 8])
    found = critic.lambda_of(vectors)
    assert found.tolist() == pytest.approx([np.exp(1.0 * 0.5 + 2.0 * 0.25) - np.exp(0.0) + 0.2, 0.2])


def test_equal_attentions_cancel_where_lambda_is_one():
    """What both attend to alike is noise, and nothing of it is left."""
    critic = DifferentialCritic(SHAPE, WIDTH, heads=2, lambda_init=0.0)
    weights = made(critic)
    layers = [part.clone() for part in torch.split(weights, critic.sizes, dim=1)][2:9]
    for place in (1, 2):  # W_Q and W_K: the second half of a head is a copy of its first
        matrix = layers[place].view(2, WIDTH, 2, 2, WIDTH // 4)
        matrix[:, :, :, 1] = matrix[:, :, :, 0]
    d = WIDTH // 4
    layers[5] = torch.zeros(2, 4 * d)
    layers[5][:, 0] = layers[5][:, d] = np.sqrt(np.log(2.0))  # exp(l_q1 . l_k1) = 2, exp(l_q2 . l_k2) = 1
    x = torch.randn(2, N, 3, WIDTH, generator=torch.Generator().manual_seed(6))
    assert float(critic.attention(layers, x).abs().max()) < 1e-3
    assert float(CRITICS["differential"].attention(layers, x).abs().max()) > 1e-2


def test_a_norm_has_a_mean_square_of_the_gain():
    x = torch.randn(5, 7, generator=torch.Generator().manual_seed(1))
    found = blocks.rms_norm(3.0 * x, torch.full((7,), 2.0))
    assert found.square().mean(dim=1).tolist() == pytest.approx([4.0] * 5, rel=1e-4)
