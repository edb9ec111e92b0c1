"""Calls that must give the same in minigrad and in PyTorch: each a text in which `m` is the library, x y z its tensors.

SHAPES names the shapes of x (and y, z, which must broadcast) that each family of calls is tried on.
"""

UNARY = ["neg", "abs", "sign", "square", "relu", "floor", "ceil", "round", "trunc", "exp", "exp2", "expm1", "sin",
         "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh", "sigmoid", "erf", "erfc", "isnan", "isinf",
         "isfinite", "logical_not", "negative", "absolute", "reciprocal"]
POSITIVE = ["log", "log2", "log10", "log1p", "sqrt", "rsqrt"]
UNIT = ["asin", "acos", "atanh"]
BINARY = ["add", "sub", "mul", "div", "atan2", "maximum", "minimum", "remainder", "fmod", "eq", "ne", "lt", "le",
          "gt", "ge", "logical_and", "logical_or", "logical_xor", "subtract", "multiply", "divide", "true_divide",
          "greater", "greater_equal", "less", "less_equal", "not_equal"]
OPERATORS = ["x + y", "x - y", "x * y", "x / y", "x % y", "x == y", "x != y", "x < y", "x <= y", "x > y", "x >= y"]
SCALARS = ["x + 2", "2 + x", "x - 2.5", "2.5 - x", "x * 3", "3 * x", "x / 4", "4 / x", "x % 2", "7 // x", "7 % x",
           "x ** 2", "x ** 3", "x ** 2.0", "2 ** x", "x == 1", "1 < x", "x >= 0.5", "-x", "+x", "abs(x)", "x ** 0",
           "x ** 1", "True + x", "x * True"]

ELEMENTWISE = [f"m.{name}(x)" for name in UNARY] + [f"x.{name}()" for name in UNARY if name != "exp2"] + [
    f"m.{name}(x.abs() + 0.5)" for name in POSITIVE] + [f"m.{name}(x.tanh() * 0.9)" for name in UNIT] + [
    "m.acosh(x.abs() + 1.5)", "m.relu(x)", "x.clamp(-0.5, 0.5)", "m.clamp(x, min=0)", "m.clamp(x, max=0.25)",
    "m.clip(x, -1, 1)", "m.pow(x.abs() + 1, 1.5)", "m.pow(2, x)", "(x.abs() + 1) ** -0.5", "(x.abs() + 1) ** 0.5",
    "m.lerp(x, x * 2, 0.25)", "m.where(x > 0, x, -2 * x)", "m.where(x > 0, x, 0.)", "m.where(x > 0, 1., x)",
    "x.masked_fill(x > 0, -1.)", "m.masked_fill(x, x < 0, 2)", "x.where(x > 0, 0.)", "m.rsub(x, 1)",
    "x.mul(2)", "x.add(x, alpha=3)", "x.sub(1, alpha=2)", "x.div(0.3, rounding_mode='trunc')", "x.pow(2)",
    "m.div(x, 0.3, rounding_mode='floor').detach()", "x.detach() // 2", "x.detach().floor_divide(x.detach())",
    "x.maximum(x)",
    "m.isclose(x, x + 1e-9)", "m.allclose(x, x)", "m.equal(x, x)", "m.nn.functional.relu(x)", "m.positive(x)",
    "m.addcmul(x, x, x, value=2)", "m.addcdiv(x, x, x.abs() + 1, value=2)",
    ] + [text for text in SCALARS if text not in ("7 // x", "7 % x")]

PAIRS = [f"m.{name}(x, y)" for name in BINARY] + OPERATORS + [
    "m.pow(x.abs() + 0.5, y)", "(x.abs() + 0.5) ** y", "m.where(x > y, x, y)", "m.lerp(x, y, 0.3)", "m.max(x, y)",
    "m.min(x, y)", "m.isclose(x, y)", "m.clamp(x, min=y)", "m.clamp(x, max=y)",
    "x.atan2(y)", "x.detach() // y.detach()", "x.eq(y)", "x.fmod(y)", "x.logical_xor(y)"]
PAIR_SHAPES = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 3)), ((2, 3), ()), ((), ()), ((0, 3),
               (3,)),
               ((2, 0), (2, 1)), ((1,), (2, 1, 2)), ((4, 1, 3), (2, 1))]

# {d}: every axis, counted from the front and from the back.
REDUCTIONS_DIM = [f"{form}" for name in (["sum", "mean", "amax", "amin", "argmax", "argmin", "any", "all", "prod",
                  "logsumexp"])
                  for form in (f"m.{name}(x, {{d}})", f"x.{name}({{d}}, keepdim=True)", f"x.{name}(dim={{d}})")] + [
    "x.max({d})", "x.min({d}, keepdim=True)", "x.max({d}).values", "x.min(dim={d}).indices", "x.var({d})",
    "x.std({d}, keepdim=True)", "x.var({d}, unbiased=False)", "m.std(x, {d}, correction=0)",
    "m.var(x, dim={d}, correction=1, keepdim=True)", "m.var_mean(x, {d})", "x.cumsum({d})",
    "x.sort({d})", "x.sort({d}, descending=True).values",
    "m.argsort(x, {d})", "x.topk(0, {d})", "m.topk(x, 1, {d}, False)",
    "m.cumsum(x, dim={d})", "x.norm(dim={d})", "m.norm(x, 1, {d})", "m.norm(x, float('inf'), {d})",
    "m.norm(x, 3, {d}, keepdim=True)", "m.norm(x, p=2, dim={d})", "m.softmax(x, {d})",
    "m.log_softmax(x, {d})", "x.softmax(dim={d})", "m.count_nonzero(x, {d})", "m.sum(x, axis={d})",
    "x.mean(axis={d}, keepdims=True)", "m.amax(x, axis={d})"]
REDUCTIONS = ["x.sum()", "m.sum(x)", "x.mean()", "x.prod()", "x.var()", "x.std()", "x.max()", "x.min()", "x.amax()",
              "x.amin()", "x.argmax()", "x.argmin()", "(x > 0).any()", "(x > 0).all()", "x.any()", "x.all()",
              "x.norm()",
              "x.norm(1)", "m.norm(x, 'fro')", "x.norm(p=3)", "x.var(unbiased=False)", "x.std(False)",
              "m.var(x, correction=2)", "m.count_nonzero(x)", "x.sum(dtype=m.float32)", "m.mean(x, dtype=m.float32)",
              "x.prod(dtype=m.float32)", "m.sum(x, dim=None)",
              "x.sum(())", "x.sum([])", "x.amax(())", "x.mean(())", "x.argmax(keepdim=True)", "x.mean(dim=None)",
              "(x > 0).sum()", "(x * 3).int().sum()", "(x * 3).int().prod()", "(x > 0).prod()", "m.numel(x)",
              "(x * 3).long().max()", "(x > 0).max()", "(x > 0).int().argmax()", "x.numel()"]
REDUCTIONS_DIMS = ["x.sum((0, -1))", "x.mean([0, 1])", "m.amax(x, (0, -1), keepdim=True)", "x.var((0, 1))",
                   "x.logsumexp((0, -1))", "x.norm(dim=(0, 1))", "x.std(dim=[-1, -2], keepdim=True)", "x.sum((-1,))",
                   "m.any(x, (0, 1))", "x.all(dim=(0, -1), keepdim=True)", "m.count_nonzero(x, (0, 1))"]

SHAPE_DIM = ["x.unsqueeze({d})", "x.squeeze({d})", "x.flip({d})", "x.roll(1, {d})", "m.roll(x, -2, dims={d})",
             "x.unbind({d})", "x.split(2, {d})", "x.split(1, dim={d})", "m.chunk(x, 2, {d})", "x.chunk(5, dim={d})",
             "m.cat([x, x * 2], {d})", "m.stack([x, x + 1], {d})", "m.cat((x, x), dim={d})", "x.narrow({d}, 0, 1)",
             "x.select({d}, -1)", "m.select(x, {d}, 0)", "x.transpose({d}, 0)", "m.transpose(x, {d}, -1)",
             "x.unfold({d}, 1, 1)", "x.unfold({d}, 2, 1)", "x.unfold({d}, 2, 3)", "m.repeat_interleave(x, 2, {d})",
             "x.flatten({d})", "x.flatten(0, {d})", "m.movedim(x, {d}, 0)", "x.moveaxis(0, {d})",
             "x.index_select({d}, m.tensor([0, 0]))", "m.index_select(x, {d}, m.tensor([], dtype=m.int64))",
             "m.swapaxes(x, {d}, 0)", "x.gather({d}, m.zeros_like(x, dtype=m.int64))",
             "m.zeros_like(x).scatter_add({d}, m.zeros_like(x, dtype=m.int64), x)",
             "x.scatter({d}, x.argsort({d}), x + 9)", "x.scatter({d}, m.zeros_like(x, dtype=m.int64), 5.)",
             "x.unflatten({d}, (-1, 1))"]
SHAPE = ["x.reshape(-1)", "x.reshape(x.shape)", "x.flatten()", "m.flatten(x)", "m.ravel(x)", "x.squeeze()",
         "m.squeeze(x)",
         "x.unsqueeze(0)", "x.unsqueeze(-1)", "x.T if x.dim() == 2 else x", "x.t() if x.dim() < 3 else x",
         "x.permute(tuple(reversed(range(x.dim()))))", "m.permute(x, tuple(range(x.dim())))", "x.expand(2, *x.shape)",
         "x.expand(2, *[-1] * x.dim())", "m.broadcast_to(x, (2, *x.shape))", "x.repeat(2, *[1] * x.dim())",
         "x.repeat(*[2] * max(x.dim(), 1))", "x.flip(tuple(range(x.dim())))",
         "x.roll(2)", "m.roll(x, 1)", "x.clone()", "x.contiguous()", "x.detach()", "x.view_as(x)", "x.reshape_as(x)",
         "x.expand_as(x)", "x.ravel()", "x.view(-1) if x.is_contiguous() else x", "x.size()", "x.shape", "x.dim()",
         "x.ndim", "x.repeat_interleave(2)", "m.meshgrid(x.flatten(), "
         "x.flatten(), indexing='ij')", "m.zeros_like(x)", "m.ones_like(x)", "m.full_like(x, 2)",
         "m.full_like(x, 2, dtype=m.int32)", "x.new_zeros(2, 3)", "x.new_full((2,), 3)", "x.new_ones((1, 2))",
         "x.new_tensor([1, 2])", "m.empty_like(x).shape", "x.double()", "x.float()", "x.int()", "x.long()",
         "x.bool()",
         "x.byte() if False else x", "x.to(m.float32)", "x.to('cpu')", "x.to(device='cpu', dtype=m.float32)",
         "x.type(m.int64)", "x.type_as(m.zeros(1))", "x.nonzero()", "m.nonzero(x > 0)", "m.where(x > 0)",
         "x.nonzero(as_tuple=True)", "m.masked_select(x, x > 0)", "x[x > 0]", "m.broadcast_tensors(x, x)",
         "m.is_tensor(x)", "m.result_type(x, 1)", "len(x) if x.dim() else 0", "[a for a in x] if x.dim() else x",
         "x.element_size()", "x.itemsize", "x.nbytes", "x.is_floating_point()", "m.is_floating_point(x)",
         "m.numel(x)", "x.tolist()", "x.count_nonzero()", "x.is_contiguous() or True"]
SHAPE_2D = ["x.tril()", "x.triu()", "m.tril(x, 1)", "m.triu(x, -1)", "x.triu(diagonal=1)", "x.diagonal()",
            "m.diagonal(x, 1)", "x.diagonal(-1, dim1=0, dim2=1)", "m.diagonal(x, offset=1, dim1=-1, dim2=-2)",
            "x.mT", "x.transpose(0, 1)", "x.swapdims(0, 1)", "x.flip((0, 1))", "x.roll((1, 1), (0, 1))",
            "m.nn.functional.pad(x, (1, 2))", "m.nn.functional.pad(x, (1, 0, 2, 1), value=3.)",
            "m.nn.functional.pad(x, (-1, 1), 'constant', 1.5)", "m.nn.functional.pad(x, (1, 1, -1, 0))",
            "x.movedim((0, 1), (1, 0))",
            "x.split([1, x.shape[0] - 1]) if x.shape[0] else x", "x.squeeze((0, 1))"]

MATMUL_SHAPES = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)), ((5, 2, 3),
                 (3, 4)),
                 ((3,), (5, 3, 2)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)),
                 ((1, 2, 3), (5, 3, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3), (3, 0)), ((0,), (0,)),
                 ((0, 2, 3), (3, 2)), ((2, 1, 1), (1, 1)), ((4, 0, 2), (4, 2, 3)), ((0,), (0, 3))]
MATMUL = ["m.matmul(x, y)", "x @ y", "x.matmul(y)"]
LINALG = [("m.mm(x, y)", (2, 3), (3, 4)), ("x.mm(y)", (2, 0), (0, 4)), ("m.bmm(x, y)", (2, 3, 4), (2, 4, 1)),
          ("m.mv(x, y)", (2, 3), (3,)), ("m.dot(x, y)", (3,), (3,)), ("m.outer(x, y)", (3,), (2,)),
          ("m.addmm(x, y, y.T)", (2, 2), (2, 3)), ("m.addmm(x, y, y.T, beta=2, alpha=0.5)", (2,), (2, 3))]

SHAPES = [(), (1,), (3,), (0,), (2, 3), (1, 3), (0, 2), (2, 3, 2), (2, 1, 0)]
