"""Calls of every function of nn.functional that PyTorch has too, made by the hundred from lists of arguments.

Each row names operands by their shapes and gives every option a list of values, the default first, wrong ones among
them.  From a row come the call with defaults, each value alone, and each pair of values together.
"""

import itertools
from dataclasses import dataclass, field

SPATIAL = {1: "7", 2: "6,5", 3: "4,5,3"}
N_C = {n: [f"2,4,{s}", f"4,{s}", f"0,4,{s}", f"2,0,{s}", "3", f"1,2,4,{s}"] for n, s in SPATIAL.items()}


@dataclass
class Row:
    call: str                       # with {options}; x, y, w, ... are operands
    shapes: dict[str, list[str]]    # of the operands that are differentiated; the first is the usual one
    options: dict[str, list[str]] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)     # shapes of operands that are not, with values in [0, 1]


def calls(row):
    """(call, shapes of its operands), no two alike."""
    lists = {**{f"shape of {name}": shapes for name, shapes in row.shapes.items()}, **row.options}
    plain = {name: values[0] for name, values in lists.items()}
    made = [plain, *[{**plain, name: value} for name, values in lists.items() for value in values]]
    for (a, a_values), (b, b_values) in itertools.combinations(lists.items(), 2):
        made += [{**plain, a: x, b: y} for x in a_values for y in b_values]
    seen = set()
    for choice in made:
        options = "".join(f", {name}={choice[name]}" for name in row.options if choice[name] != "")
        key = (row.call.replace("{options}", options), *[choice[f"shape of {name}"] for name in row.shapes])
        if key not in seen:
            seen.add(key)
            yield key[0], dict(zip(row.shapes, key[1:], strict=True))


def per_axis(n, *values):
    """Each value for all axes, and the lists of them that are right or wrong in n dimensions."""
    return [*values, str((2,) * n), str((1, 2, 1)[:n]), "(1, 1, 1, 1)", "1.5", "'a'"]


def inplace(*names):
    return {name: [Row(f"F.{name}(x{{options}})", {"x": ["2,3,4", "", "0", "5"]}, {"inplace": ["", "False"]})]
            for name in names}


def losses(name, target="t", **options):
    shapes = ["2,3,4", "", "0", "5", "2,0", "3,4", "2,1,4"]
    rows = {"reduction": ["", "'sum'", "'none'", "'mean'", "'max'"], **options}
    return [Row(f"F.{name}(x.sigmoid(), {target}{{options}})", {"x": shapes}, rows, {"t": "2,3,4"}),
            Row(f"F.{name}(x.sigmoid(), y.sigmoid(){{options}})", {"x": ["2,3", ""], "y": ["2,3", "", "3"]}, rows,
                {"t": "2,3"})]


def pools(n):
    window = {"kernel_size": per_axis(n, "2", "3", "1", "0", "9"), "stride": ["", *per_axis(n, "1", "3", "0", "-1")]}
    padding = {"padding": ["", *per_axis(n, "0", "1", "-1", "2")]}
    ceil = {"ceil_mode": ["", "True"]}
    x = {"x": N_C[n]}
    return {
        f"max_pool{n}d": [Row(f"F.max_pool{n}d(x{{options}})", x, {
            **window, **padding, "dilation": ["", *per_axis(n, "2", "0")], **ceil})],
        f"avg_pool{n}d": [Row(f"F.avg_pool{n}d(x{{options}})", x, {
            **window, **padding, **ceil, "count_include_pad": ["", "False"],
            **({} if n == 1 else {"divisor_override": ["", "3", "-2", "0", "1.5"]})})],
        f"lp_pool{n}d": [Row(f"F.lp_pool{n}d(x + 2, {{options}})".replace(", {", "{"), x, {
            "norm_type": ["2", "1", "3.5", "'a'"], **window, **ceil})],
        f"adaptive_avg_pool{n}d": [Row(f"F.adaptive_avg_pool{n}d(x{{options}})", x, {
            "output_size": per_axis(n, "2", "3", "1", "7", "9", "0", "-1")})],
        f"adaptive_max_pool{n}d": [Row(f"F.adaptive_max_pool{n}d(x{{options}})", x, {
            "output_size": per_axis(n, "2", "3", "1", "7", "9", "-1")})],
        f"max_unpool{n}d": [Row(
            f"F.max_unpool{n}d(x, F.max_pool{n}d(x.detach().repeat_interleave(2, -1), "
            f"{'2' if n == 1 else (1,) * (n - 1) + (2,)}, return_indices=True)[1]{{options}})",
            {"x": [f"2,4,{SPATIAL[n]}", f"4,{SPATIAL[n]}"]}, {
                "kernel_size": [str((1,) * (n - 1) + (2,)), "1", "0", "'a'"],
                "stride": ["", str((1,) * (n - 1) + (2,)), "0", "(1, 1, 1, 1)"],
                "padding": ["", "0", "-1", "9", "'a'"], "output_size": ["", "(40, 40)", "(1,)", "'a'"]})],
    }


def convolutions(n):
    taps = {1: "3", 2: "3,2", 3: "2,1,3"}[n]
    axes = per_axis(n, "1", "2", "0", "-1")
    common = {"bias": ["", "None", "b", "b[:1]", "b[0]", "3"], "stride": ["", *axes]}
    shapes = {"x": N_C[n]}
    wrong = ["4,4", f"0,4,{taps}", f"4,3,{taps}", f"4,1,{taps}"]
    return {
        f"conv{n}d": [Row(f"F.conv{n}d(x, w{{options}})", {
            **shapes, "w": [f"6,4,{taps}", f"6,2,{taps}", f"4,4,9{',1' * (n - 1)}", *wrong], "b": ["6", "5"]}, {
                **common, "padding": ["", *axes, "'same'", "'valid'", "'some'", "5"], "dilation": ["", *axes],
                "groups": ["", "1", "2", "4", "0", "-1", "'a'"]})],
        f"conv_transpose{n}d": [Row(f"F.conv_transpose{n}d(x, w{{options}})", {
            **shapes, "w": [f"4,6,{taps}", f"4,3,{taps}", f"4,4,9{',1' * (n - 1)}", *wrong], "b": ["6", "5"]}, {
                **common, "padding": ["", *axes, "'same'", "5"], "output_padding": ["", *axes],
                "groups": ["", "1", "2", "4", "0", "-1", "'a'"], "dilation": ["", *axes]})],
    }


ANY = ["2,3,4", "", "5", "0,3", "2,4,3,2"]
DIM = ["0", "1", "-1", "2", "3", "-4", "'a'"]
FLOATS = ["0.5", "2", "0", "-1.5", "'a'", "None"]
IMAGES = ["2,4,6,5", "2,4,7", "2,4,3,4,2", "4,6,5", "3", "0,4,6,5", "2,0,6,5"]
NORM = ["2,4,3,2", "2,4,5", "2,4", "4", "3,4,2,2,2", "0,4,3", "1,4,1", "2,4,0"]

ROWS = {
    **inplace("relu", "relu6", "selu", "silu", "mish", "hardswish", "hardsigmoid"),
    **{name: [Row(f"F.{name}(x)", {"x": ANY})] for name in ("logsigmoid", "sigmoid", "tanh", "softsign", "tanhshrink")},
    "elu": [Row("F.elu(x{options})", {"x": ANY}, {"alpha": ["", *FLOATS]})],
    "leaky_relu": [Row("F.leaky_relu(x{options})", {"x": ANY}, {"negative_slope": ["", *FLOATS]})],
    "hardtanh": [Row("F.hardtanh(x{options})", {"x": ANY}, {"min_val": ["", "-0.3", "2", "'a'"],
                                                            "max_val": ["", "0.4", "-3", "None"]})],
    "softplus": [Row("F.softplus(x{options})", {"x": ANY}, {"beta": ["", "0.5", "2", "-1", "'a'"],
                                                            "threshold": ["", "0.1", "0", "'a'"]})],
    "gelu": [Row("F.gelu(x{options})", {"x": ANY}, {"approximate": ["", "'none'", "'tanh'", "'fast'", "None", "3"]})],
    "glu": [Row("F.glu(x{options})", {"x": ["2,4,6", "4", "", "0,2", "3,5"]}, {"dim": ["", *DIM]})],
    "prelu": [Row("F.prelu(x, w)", {"x": ANY, "w": ["3", "1", "4", "", "1,3", "0"]})],
    **{name: [Row(f"F.{name}(x{{options}})", {"x": ANY}, {"dim": DIM, "dtype": ["", "m.float64", "'a'"]})]
       for name in ("softmax", "log_softmax", "softmin")},
    "linear": [Row("F.linear(x, w{options})", {"x": ["2,3", "3", "2,2,3", "0,3", "", "2,0", "2,4"],
                                               "w": ["4,3", "3", "4,0", "2,4,3", "", "1,3"], "b": ["4", "1", "", "3"]},
                   {"bias": ["", "b", "None", "3"]})],
    "embedding": [Row("F.embedding(m.tensor({index}), w{{options}})".format(index="[[0, 2], [3, 0]]"), {
        "w": ["4,3", "3,3", "4", "4,0", "0,3", "4,3,2"]}, {"padding_idx": ["", "0", "-1", "3", "4", "-5", "'a'"]}),
        Row("F.embedding(x, w)", {"x": ["2"], "w": ["4,3"]})],
    "one_hot": [Row("F.one_hot(m.tensor([[0, 2], [3, 0]]){options})", {"x": ["1"]}, {
        "num_classes": ["", "-1", "4", "6", "3", "0", "-2", "'a'"]}),
        Row("F.one_hot(m.tensor([[0, -1]]))", {"x": ["1"]}), Row("F.one_hot(x)", {"x": ["1"]})],
    "dropout": [Row("F.dropout(x{options})", {"x": ANY}, {"training": ["False"], "p": ["", "0", "1", "-1", "2"]}),
                Row("F.dropout(x{options})", {"x": ANY}, {"p": ["0", "1", "1.5", "-0.1", "'a'", "None"]})],
    **{f"dropout{n}d": [Row(f"F.dropout{n}d(x{{options}})", {"x": N_C[n][:3]}, {"p": ["0", "1", "1.5", "-0.1", "'a'"]})]
       for n in SPATIAL},
    "l1_loss": losses("l1_loss", weight=["", "t"]),
    "mse_loss": losses("mse_loss", weight=["", "t", "3"]),
    "smooth_l1_loss": losses("smooth_l1_loss", beta=["", "0.1", "0", "-1", "'a'"]),
    "huber_loss": losses("huber_loss", delta=["", "0.1", "3", "0", "-1"], weight=["", "t"]),
    "binary_cross_entropy": losses("binary_cross_entropy", weight=["", "t", "t[0]", "3"]),
    "binary_cross_entropy_with_logits": losses("binary_cross_entropy_with_logits", weight=["", "t", "t[0]", "3"],
                                               pos_weight=["", "t", "t[0, 0]", "t[0, 0, :3]"]),
    "kl_div": [*losses("kl_div", reduction=["", "'sum'", "'none'", "'batchmean'", "'max'"],
                       log_target=["", "True", "False"])],
    **{name: [Row(f"F.{name}({logits}, m.tensor({target}){{options}})", {"x": shapes, "v": ["4", "3", "1,4"]}, {
        "weight": ["", "v.detach()", "None"], "ignore_index": ["", "1", "-1", "'a'"],
        "reduction": ["", "'sum'", "'none'", "'max'", "None"], **extra})
        for target, shapes in (("[3, 0, 1]", ["3,4", "3,3", "4", "2,4", "3,4,2", "3"]), ("2", ["4", "2", "1,4"]),
                               ("[[0, 3], [1, -100], [2, 1]]", ["3,4,2", "3,4", "2,4,2", "3,4,2,1"]),
                               ("[1, 4]", ["2,4"]), ("[1, -3]", ["2,4"]), ("[0.5, 1.5]", ["2,4"]))]
       for name, logits, extra in (("nll_loss", "x.log_softmax(0)", {}),
                                   ("cross_entropy", "x", {"label_smoothing": ["", "0.1", "1", "-0.1", "2", "'a'"]}))},
    "batch_norm": [Row("F.batch_norm(x, r, s{options})", {"x": NORM, "w": ["4", "3"], "b": ["4", "1,4"]}, {
        "weight": ["", "w", "None"], "bias": ["", "b"], "training": ["", "True"], "momentum": ["", "0.3", "None"],
        "eps": ["", "0.1", "'a'"]}, {"r": "4", "s": "4"}),
        Row("F.batch_norm(x, None, None{options})", {"x": NORM}, {"training": ["True", "False"]}),
        Row("F.batch_norm(x, r, s, training=True)", {"x": NORM}, {}, {"r": "3", "s": "3"})],
    "instance_norm": [Row("F.instance_norm(x{options})", {"x": NORM, "w": ["4", "3"], "b": ["4", "3"]}, {
        "weight": ["", "w"], "bias": ["", "b"], "eps": ["", "0.1"], "use_input_stats": ["", "True", "False"]}),
        Row("F.instance_norm(x, r, s{options})", {"x": NORM[:2]}, {"use_input_stats": ["", "False"],
                                                                   "momentum": ["", "0.3"]}, {"r": "4", "s": "4"})],
    "layer_norm": [Row("F.layer_norm(x{options})", {
        "x": ["3,4,2", "2", "3,4,0", "0,2", "", "4,2"], "w": ["2", "4,2", "3"], "b": ["2", "4,2"]},
                       {"normalized_shape": ["(2,)", "[4, 2]", "(3, 4, 2)", "()", "(3,)", "'a'"],
                        "weight": ["", "w", "None"], "bias": ["", "b"], "eps": ["", "0.1", "'a'"]})],
    "group_norm": [Row("F.group_norm(x{options})", {"x": NORM, "w": ["4", "3"], "b": ["4", "2"]}, {
        "num_groups": ["2", "1", "4", "3", "0", "-1", "'a'"], "weight": ["", "w", "None"], "bias": ["", "b"],
        "eps": ["", "0.1"]})],
    "local_response_norm": [Row("F.local_response_norm(x{options})", {"x": ["2,4,3,2", "2,4,5", "2,4", "4", "0,4,3"]}, {
        "size": ["2", "3", "1", "9", "0", "'a'"], "alpha": ["", "0.5"], "beta": ["", "0.5"], "k": ["", "2", "2.5"]})],
    "pad": [Row("F.pad(x{options})", {"x": IMAGES}, {
        "pad": ["(1, 2)", "(0, 0)", "(2, 1, 1, 0)", "(-1, 2)", "(1, 1, 1, 1, 1, 1)", "(9, 9)", "(1, 2, 3)", "()",
                "(-9, 0)", "(1.5, 1)", "3"],
        "mode": ["", "'constant'", "'reflect'", "'replicate'", "'circular'", "'mirror'"],
        "value": ["", "2.5", "'a'"]})],
    "interpolate": [Row("F.interpolate(x{options})", {"x": IMAGES}, {
        "size": ["", "4", "9", "(3, 8)", "(5,)", "0", "-1", "(2, 2, 2, 2)", "'a'"],
        "scale_factor": ["", "2", "1.6", "0.4", "(2, 0.7)", "0", "-1", "(2, 2, 2, 2)", "'a'"],
        "mode": ["", "'nearest'", "'nearest-exact'", "'linear'", "'bilinear'", "'trilinear'", "'bicubic'", "'area'",
                 "'cubic'"],
        "align_corners": ["", "True", "False"], "recompute_scale_factor": ["", "True", "False"],
        "antialias": ["", "True"]}),
        *[Row(f"F.interpolate(x, {size}, mode='{mode}'{{options}})", {"x": [shape]}, {
            "align_corners": ["", "True", "False"], "recompute_scale_factor": ["", "True", "False"]})
          for mode, shape in (("linear", "2,4,7"), ("bilinear", "2,4,6,5"), ("bicubic", "2,4,6,5"), ("area", "2,4,6,5"),
                              ("trilinear", "2,2,3,4,2"), ("nearest", "2,2,3,4,2"), ("nearest-exact", "2,4,7"))
          for size in ("size=4", "size=9", "size=1", "scale_factor=1.7", "scale_factor=0.45", "scale_factor=3")]],
    "pixel_shuffle": [Row("F.pixel_shuffle(x{options})", {
        "x": ["2,4,3,2", "4,3,2", "8,1,2", "3,2", "2,2,4,3,2", "0,4,3,2"]}, {
            "upscale_factor": ["2", "1", "3", "0", "-1", "'a'"]})],
    "pixel_unshuffle": [Row("F.pixel_unshuffle(x{options})", {"x": ["2,1,4,2", "1,6,4", "4,2", "2,2,1,4,2", "0,4,4,2"]},
                            {"downscale_factor": ["2", "1", "3", "0", "-1", "'a'"]})],
    "channel_shuffle": [Row("F.channel_shuffle(x{options})", {"x": ["2,4,3,2", "2,6,2", "4,3", "3"]},
                            {"groups": ["2", "1", "3", "0", "-1", "'a'"]})],
    "unfold": [Row("F.unfold(x{options})", {"x": ["2,4,6,5", "4,6,5", "0,4,6,5"]}, {
        "kernel_size": per_axis(2, "2", "3", "0", "9"), "dilation": ["", *per_axis(2, "2", "0")],
        "padding": ["", *per_axis(2, "1", "-1")], "stride": ["", *per_axis(2, "2", "0")]})],
    "fold": [Row("F.fold(x{options})", {"x": ["2,12,20", "12,20", "2,12,19", "2,13,20", "0,12,20", "3"]}, {
        "output_size": ["(6, 5)", "(6, 6)", "5", "(0, 5)", "'a'"], "kernel_size": ["2", "(2, 2)", "(2, 3)", "0", "'a'"],
        "dilation": ["", "1", "2", "0"], "padding": ["", "1", "-1"], "stride": ["", "1", "2", "0"]})],
    "affine_grid": [Row("F.affine_grid(x{options})", {"x": ["2,2,3", "2,3,4", "3,2,3", "2,3", "2,2,2"]}, {
        "size": ["(2, 3, 4, 5)", "(2, 1, 3, 2, 4)", "(3, 1, 2, 2)", "(2, 3)", "(2, 3, 4, 0)", "(2, 3, 4, -1)"],
        "align_corners": ["False", "True"]})],
    "grid_sample": [Row("F.grid_sample(x, g * 1.3{options})", {
        "x": ["2,3,4,5", "1,3,4,5", "2,3,4", "2,0,4,5", "2,3,4,0"],
        "g": ["2,3,2,2", "2,3,2,3", "2,0,2,2", "3,3,2,2", "2,2"]}, {
            "align_corners": ["False", "True"], "mode": ["", "'bilinear'", "'nearest'", "'bicubic'", "'linear'"],
            "padding_mode": ["", "'zeros'", "'border'", "'reflection'", "'mirror'"]}),
        Row("F.grid_sample(x, g{options})", {"x": ["2,3,2,4,3"], "g": ["2,3,2,2,3", "2,3,2,2"]}, {
            "align_corners": ["False", "True"], "mode": ["", "'nearest'", "'bicubic'"],
            "padding_mode": ["", "'border'", "'reflection'"]})],
}
for _n in SPATIAL:
    ROWS |= {**pools(_n), **convolutions(_n)}
