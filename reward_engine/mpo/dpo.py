"""The Diffusion-DPO loss (Wallace et al. 2023, "Diffusion Model Alignment Using Direct Preference Optimization",
arXiv 2311.12908, eq. 14), a pure function of five predictions and targets.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own idiom
from torch import Tensor


@dataclass(frozen=True)
class DpoLoss:
    """The loss and what to watch while it falls.

    Attributes:
        loss: scalar, mean of −log σ(margin).
        accuracy: scalar 0..1, share of pairs whose implicit reward prefers the winner (ties count half).
        margin: scalar, mean of β·(implicit reward of the winner − of the loser).
        margins: [b], the same of each pair.
        winner_error: scalar, the policy's mean squared error on winners.
        loser_error: scalar, the policy's mean squared error on losers.
    """

    loss: Tensor
    accuracy: Tensor
    margin: Tensor
    margins: Tensor
    winner_error: Tensor
    loser_error: Tensor


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Average (prediction − target)² over all but the first axis.

    Computes [b, …] → [b], at least in float32.
    """
    exact = torch.promote_types(prediction.dtype, torch.float32)
    return (prediction.to(exact) - target.to(exact)).pow(2).flatten(1).mean(dim=1)


def diffusion_dpo_loss(
    policy_winner: Tensor,
    policy_loser: Tensor,
    reference_winner: Tensor,
    reference_loser: Tensor,
    target_winner: Tensor,
    target_loser: Tensor,
    *,
    beta: float,
) -> DpoLoss:
    """Compute the loss of Diffusion-DPO.

    That is −log σ( −β/2 · [ (‖t_w − π_w‖² − ‖t_w − ref_w‖²) − (‖t_l − π_l‖² − ‖t_l − ref_l‖²) ] ).

    Each ‖·‖² is the mean (not the sum) of the squared error over a latent's entries, so that β does not depend on the
    resolution; the paper's T·ω(λ) is absorbed into β as in its released code, where β is 2,000 to 5,000. Winner and
    loser of a pair are to be noised with the same ε at the same step.

    Args:
        policy_winner, policy_loser: predictions of the model in training, [b, …], any float dtype.
        reference_winner, reference_loser: predictions of the reference model; no gradient flows into them.
        target_winner, target_loser: what should have been predicted (``ForwardProcess.target``).
        beta: > 0, how closely the policy is held to the reference.

    Raises:
        ValueError: Beta is not positive, or shapes differ.
    """
    if not beta > 0:
        raise ValueError(f"beta must be above 0, not {beta}.")
    tensors = (policy_winner, policy_loser, reference_winner, reference_loser, target_winner, target_loser)
    shapes = {tuple(tensor.shape) for tensor in tensors}
    if len(shapes) != 1:
        raise ValueError(f"All six tensors must have one shape; here are {sorted(shapes)}.")
    winner_error = squared_error(policy_winner, target_winner)
    loser_error = squared_error(policy_loser, target_loser)
    with torch.no_grad():
        reference_winner_error = squared_error(reference_winner, target_winner)
        reference_loser_error = squared_error(reference_loser, target_loser)
    # The implicit reward of a sample is how much better than the reference the policy denoises it.
    margin = -0.5 * beta * ((winner_error - reference_winner_error) - (loser_error - reference_loser_error))
    signs = torch.sign(margin.detach())
    return DpoLoss(
        loss=-F.logsigmoid(margin).mean(),
        accuracy=((signs + 1) / 2).mean(),
        margin=margin.detach().mean(),
        margins=margin.detach(),
        winner_error=winner_error.detach().mean(),
        loser_error=loser_error.detach().mean(),
    )
