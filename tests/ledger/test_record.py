"""A channel and what the wire says of it are the same one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.ledger.account import Channel
from mizaru.ledger.record import channel_of, record_of

CHANNELS = st.builds(
    Channel,
    st.sampled_from((8, 16, 32)),
    st.floats(0.01, 10),
    st.floats(0.01, 10),
    st.floats(0, 0.95),
)


@given(CHANNELS, st.integers(1, 10**6))
def test_a_record_never_promises_more_than_the_channel_that_was_asked_for(channel, budget):
    told = channel_of(record_of(channel, budget, b"abcd"))
    assert told.clip <= channel.clip + 1e-9
    assert told.sigma >= channel.sigma - 1e-9
    assert told.sticky >= channel.sticky - 1e-9
    assert record_of(told, budget, b"abcd") == record_of(channel, budget, b"abcd")


@given(CHANNELS)
def test_clip_and_noise_fit_into_a_byte(channel):
    told = channel_of(record_of(channel, 1, b"abcd"))
    assert 127 * told.step >= told.clip + 6 * told.sigma


def test_what_people_write_is_exact():
    channel = channel_of(record_of(Channel(8, 1.0, 0.35, 0.5), 3000, b"abcd"))
    assert (channel.clip, channel.sigma, channel.sticky) == (1.0, 0.35, 0.5)
    assert channel.step == pytest.approx(0.0244, abs=1e-3)
