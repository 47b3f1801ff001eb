"""What each gate does, told to someone who meets it for the first time."""

from __future__ import annotations

GATES = {
    ("lstm", "input"): (
        "Input gate",
        "i_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the new candidate that is written into the cell state.",
        "Near 0 the session is ignored, near 1 it enters whole.",
    ),
    ("lstm", "forget"): (
        "Forget gate",
        "f_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the cell state that is kept, for each unit and session.",
        "Near 1 the past is carried on, near 0 it is wiped: c_t = f_t * c_{t-1} + i_t * g_t.",
    ),
    ("lstm", "candidate"): (
        "Candidate",
        "g_t = tanh(W x_t + U h_{t-1} + b) is what the session would write into the cell state, between -1 and 1.",
        "It enters only as far as the input gate lets it: i_t * g_t.",
    ),
    ("lstm", "output"): (
        "Output gate",
        "o_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the cell state that is shown: h_t = o_t * tanh(c_t).",
        "A unit can remember for long (forget gate near 1) and yet keep silent (output gate near 0).",
    ),
    ("lstm", "cell"): (
        "Cell state",
        "c_t = f_t * c_{t-1} + i_t * g_t is the memory itself: what was kept, and what was added.",
        "Every window starts from an empty memory, so it fills over the first sessions whatever they hold.",
    ),
    ("gru", "reset"): (
        "Reset gate",
        "r_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the past that the candidate may see.",
        "Near 0 the candidate is written from the session alone, as if the past had not been.",
    ),
    ("gru", "update"): (
        "Update gate",
        "z_t = sigmoid(W x_t + U h_{t-1} + b) is the share of the state that is kept; the rest, 1 - z_t, is the new.",
        "It does the work of the forget and the input gate at once: h_t = (1 - z_t) * n_t + z_t * h_{t-1}.",
    ),
    ("gru", "candidate"): (
        "Candidate",
        "n_t = tanh(W x_t + b + r_t * (U h_{t-1} + b')) is the state that the session would write, between -1 and 1.",
        "It replaces the share 1 - z_t of the old state.",
    ),
    ("rnn", "hidden"): (
        "Hidden state",
        "h_t = tanh(W x_t + U h_{t-1} + b) is all that a plain cell has: no gate protects it.",
        "Each session rewrites it whole, which is why the past fades fast and LSTM and GRU were invented.",
    ),
}
"""By cell and name: title, what it is, how to read it."""

KEEPING = {"lstm": "forget", "gru": "update"}
"""The gate that decides how long the past lasts."""
