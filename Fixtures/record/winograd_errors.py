"""How exact Winograd's method is, by the size of its blocks: F(2x2), F(4x4) and F(6x6) with 3x3 kernels
against the same convolution in 64 bits, and against the direct sum in 32 bits.

    python Fixtures/record/winograd_errors.py

The matrices are made from the points at which the polynomials are evaluated (Lavin and Gray 2016, section
4, after Toom and Cook), so that any block size can be tried.
"""

import numpy as np

POINTS = {2: [0, 1, -1], 4: [0, 1, -1, 2, -2], 6: [0, 1, -1, 2, -2, 0.5, -0.5]}


def matrices(block: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At [m, n], G [n, 3] and Bt [n, n] with y = At ((G g) * (Bt d)), n = m + 2, in 64 bits."""
    points = POINTS[block]
    n = block + 2
    # The polynomial that vanishes at all points but one, and at all of them.
    at = np.array([[p**i for p in points] + [float(i == block - 1)] for i in range(block)])
    g = np.zeros((n, 3))
    bt = np.zeros((n, n))
    for row, p in enumerate(points):
        others = [q for q in points if q != p]
        scale = np.prod([p - q for q in others])
        g[row] = [p**i / scale for i in range(3)]
        bt[row, : n - 1] = np.poly(others)[::-1]
    g[-1, 2] = 1
    bt[-1] = np.poly(points)[::-1]
    return at, g, bt


def winograd(image: np.ndarray, weight: np.ndarray, block: int, dtype: type) -> np.ndarray:
    """[I, H, W] and [O, I, 3, 3] to [O, H - 2, W - 2], H - 2 and W - 2 multiples of the block."""
    at, g, bt = (matrix.astype(dtype) for matrix in matrices(block))
    size = block + 2
    tiles = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(1, 2))
    tiles = tiles[:, ::block, ::block].astype(dtype)  # [I, y, x, n, n]
    values = np.einsum("un,iyxnm,vm->uviyx", bt, tiles, bt, optimize=True)
    kernels = np.einsum("un,oinm,vm->uvoi", g, weight.astype(dtype), g, optimize=True)
    rows, columns = values.shape[3:]
    products = kernels @ values.reshape(size, size, values.shape[2], rows * columns)
    products = products.reshape(size, size, -1, rows, columns)
    blocks = np.einsum("au,uvoyx,bv->oyaxb", at, products, at, optimize=True)
    return blocks.reshape(blocks.shape[0], rows * block, columns * block)


def direct(image: np.ndarray, weight: np.ndarray, dtype: type) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(1, 2))
    rows, columns = windows.shape[1:3]
    patches = windows.transpose(0, 3, 4, 1, 2).reshape(-1, rows * columns).astype(dtype)
    sums = weight.reshape(weight.shape[0], -1).astype(dtype) @ patches
    return sums.reshape(-1, rows, columns)


def main() -> None:
    random = np.random.default_rng(0)
    channels = 256
    image = np.maximum(random.standard_normal((channels, 50, 50)), 0).astype(np.float32)
    weight = (random.standard_normal((64, channels, 3, 3)) / 48).astype(np.float32)
    exact = direct(image, weight, np.float64)
    scale = exact.max() - exact.min()
    print(f"{channels} channels, after a ReLU; greatest error, as part of the range of the result")
    print(f"{'direct':<8} 9.00 multiplications an output  "
          f"{np.abs(direct(image, weight, np.float32) - exact).max() / scale:.1e}")
    for block in POINTS:
        assert np.allclose(winograd(image, weight, block, np.float64), exact)
        error = np.abs(winograd(image, weight, block, np.float32) - exact).max() / scale
        cost = (block + 2) ** 2 / block**2
        print(f"F({block}x{block})   {cost:.2f} multiplications an output  {error:.1e}")


if __name__ == "__main__":
    main()
