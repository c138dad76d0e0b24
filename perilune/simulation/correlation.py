"""From the covariance of a correlated group to the factor that makes correlated offsets of independent draws."""

import numpy as np

from .dispersion_tables import CorrelatedGroup

ROUNDING = 100 * np.finfo(np.float64).eps  # a number: what products of a square root leave of an eigenvalue of zero
ASYMMETRY = 1e-9  # of two figures that should be one, as a correlation: more is no rounding of what was typed


def matrix_of(group: CorrelatedGroup) -> np.ndarray:
    """The square matrix that a group gives: its covariance, or its correlation."""
    return np.asarray(group.correlation if group.covariance is None else group.covariance, np.float64)


def unit(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sigmas, and the matrix as a correlation of the numbers that vary: beside m², rad² would be lost in rounding."""
    sigma = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    varies = sigma > 0.0
    return sigma, matrix[np.ix_(varies, varies)] / sigma[varies, None] / sigma[None, varies]


def asymmetry(matrix: np.ndarray) -> float:
    """The largest difference of the matrix from its transpose, as a correlation."""
    sigma, _ = unit(matrix)
    scale = np.where(sigma > 0.0, sigma, 1.0)
    return float(np.max(np.abs(matrix - matrix.T) / scale[:, None] / scale[None, :], initial=0.0))


def is_covariance(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix is positive semi-definite, but for rounding."""
    sigma, correlation = unit(matrix)
    if np.any(np.diag(matrix) < 0.0) or np.any(matrix[sigma == 0.0] != 0.0):
        return False  # a negative variance, or a number that does not vary and yet goes with others
    return bool(np.min(np.linalg.eigvalsh(correlation), initial=0.0) >= -ROUNDING * len(matrix))


def eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """Eigenvalues of a symmetric matrix, ascending: as given, or as a correlation where only that shows the negative one."""
    found = np.linalg.eigvalsh(matrix)
    return found if found[0] < 0.0 else np.linalg.eigvalsh(unit(matrix)[1])


def root(correlation: np.ndarray) -> np.ndarray:
    """L of L Lᵀ = correlation: Cholesky's, or from eigenvectors where a direction has no variance."""
    try:
        return np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(correlation)
        return vectors * np.sqrt(np.maximum(values, 0.0))  # clipped at rounding: `is_covariance` refuses what is more negative


def factor(group: CorrelatedGroup) -> np.ndarray:
    """L, (n, n), in the numbers' units: offsets are L z of n standard normal draws. A sigma of zero has a row of zeros."""
    matrix = matrix_of(group)
    sigma, correlation = unit(0.5 * (matrix + matrix.T))
    varies = np.flatnonzero(sigma)
    found = np.zeros_like(matrix)
    found[np.ix_(varies, varies)] = sigma[varies, None] * root(correlation)
    return found if group.covariance is not None else np.asarray(group.sigma, np.float64)[:, None] * found
