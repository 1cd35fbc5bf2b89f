"""The parts that encoders are made of, against plain loops and values known beforehand."""

import pytest
import torch
from toy_assays import world
from zoo import all_measured, drugs, zoo

from molmeta import encoders
from molmeta.encoders import gps
from molmeta.encoders._message_passing import Readout, one_hot
from molmeta.encoders._sums import summed
from molmeta.encoders.fingerprint import Fingerprint
from molmeta.errors import ConfigError
from molmeta.molecules.blocks import Bits, Graphs, Molecules, Vectors
from molmeta.molecules.messages import members


def test_one_hot_places_each_feature_behind_the_one_before():
    found = one_hot(torch.tensor([[0, 1], [2, 0]], dtype=torch.uint8), (3, 2), torch.float32)
    assert found.tolist() == [[1, 0, 0, 0, 1], [0, 0, 1, 1, 0]]


def test_the_readout_is_mean_attention_and_scaled_sum_of_each_molecule():
    readout, x = Readout(16).double(), torch.randn(5, 16, dtype=torch.float64)
    found = readout(x, members(torch.tensor([0, 2, 2, 5])))
    expected = []
    for part in (x[:2], x[2:]):
        scores, values = readout.attention(readout.norm(part)), readout.values(readout.norm(part))
        shares = (10 * torch.tanh(scores / 10)).softmax(0)
        attended = sum(shares[i].repeat_interleave(2) * values[i] for i in range(len(part)))
        expected.append(readout.last(torch.cat([part.mean(0), attended, part.sum(0) / 32])))
    torch.testing.assert_close(found[[0, 2]], torch.stack(expected))
    torch.testing.assert_close(found[1], readout.last(torch.zeros(48, dtype=torch.float64)))


def sent_and_received(graphs, x, bonds):
    """The messages that each atom receives, summed bond by bond."""
    received = torch.zeros_like(x)
    for edge, (source, target) in enumerate(graphs.edge_index.t().tolist()):
        key = tuple(graphs.edge_categories[edge].tolist())
        received[target] += torch.tanh(x[source] + bonds[key])
    return received


def test_messages_sum_over_the_bonds_of_each_atom():
    graphs = zoo().block("graph", Graphs)
    found = graphs.messages
    x = torch.randn(len(graphs.atoms), 3, dtype=torch.float64)
    kinds = {tuple(row) for row in graphs.edge_categories.tolist()}
    bonds = {kind: torch.randn(3, dtype=torch.float64) for kind in sorted(kinds)}
    vectors = torch.stack([bonds[tuple(row)] for row in found.bonds.tolist()])
    received = summed(found.receivers, torch.tanh(summed(found.senders, x) + vectors))
    torch.testing.assert_close(received, sent_and_received(graphs, x, bonds))
    assert len(found.bonds) < len(graphs.edge_categories)


def test_messages_can_be_differentiated_twice():
    graphs = drugs().select(torch.tensor([0])).block("graph", Graphs)
    found = graphs.messages
    x = torch.randn(len(graphs.atoms), 2, dtype=torch.float64, requires_grad=True)

    def received(x):
        return summed(found.receivers, torch.tanh(summed(found.senders, x)))

    assert torch.autograd.gradcheck(received, x)
    assert torch.autograd.gradgradcheck(received, x)


def test_the_first_layer_of_a_fingerprint_network_sums_the_rows_of_set_bits():
    encoder = encoders.build("fingerprint", {"width": 3, "hidden": 4}).eval()
    bits = drugs().block("morgan", Bits)
    looped = torch.stack([encoder.embedding[row > 0].sum(0) for row in bits.dense()])
    expected = encoder.last(encoder.body[0](looped))
    torch.testing.assert_close(encoder(drugs()), expected)


def test_bits_are_dropped_in_training_only():
    encoder = encoders.build(
        "fingerprint", {"width": 3, "hidden": 4, "dropout": 0.0, "bit_dropout": 0.5}
    )
    assert not torch.equal(encoder(drugs()), encoder(drugs()))
    encoder.eval()
    assert torch.equal(encoder(drugs()), encoder(drugs()))


def test_descriptors_are_centred_and_scaled_over_the_molecules_they_were_fitted_to():
    encoder = encoders.build("descriptors", {"width": 3})
    encoder.fit(all_measured(zoo()))
    values = zoo().block("descriptors", Vectors).values
    compressed = values.sign() * (1 + values.abs()).log()
    scaled = (compressed - encoder.mean) / encoder.scale
    torch.testing.assert_close(scaled.mean(0), torch.zeros(values.shape[1]), rtol=0, atol=1e-4)
    deviations = scaled.std(0, correction=0)
    varied = compressed.std(0, correction=0) > 0
    torch.testing.assert_close(deviations[varied], torch.ones(int(varied.sum())))


def test_a_descriptor_that_never_varies_is_left_at_its_scale():
    encoder = encoders.build("descriptors", {"width": 3, "size": 2})
    values = Vectors(torch.tensor([[1.0, 7.0], [2.0, 7.0]]))
    encoder.fit(all_measured(Molecules({"descriptors": values})))
    assert encoder.scale[1] == 1


def test_descriptors_far_out_are_cut():
    encoder = encoders.build("descriptors", {"width": 3, "size": 1}).eval()
    far, farther = (
        encoder(Molecules({"descriptors": Vectors(torch.tensor([[x]]))})) for x in (1e6, 1e8)
    )
    assert torch.equal(far, farther)


def test_vectors_of_another_length_are_refused():
    block = Molecules({"deepchem:x": Vectors(torch.zeros(2, 5))})
    encoder = encoders.build("descriptors", {"width": 3, "block": "deepchem:x"})
    with pytest.raises(ConfigError, match=r"'deepchem:x' .* got 5, expected"):
        encoder.fit(all_measured(block))


def test_a_join_puts_the_vectors_of_its_parts_side_by_side():
    encoder = encoders.build(
        "gine+fingerprint", {"gine": {"width": 4, "layers": 1}, "fingerprint": {"width": 6}}
    ).eval()
    gine, fingerprint = encoder.encoders
    assert encoder.width == 10
    expected = torch.cat([gine(drugs()), fingerprint(drugs())], dim=1)
    assert torch.equal(encoder(drugs()), expected)


def test_a_join_reads_what_its_parts_read():
    assert encoders.build("fingerprint+gine+gps", {}).featurizers == ("morgan", "graph")


def test_a_join_fits_its_parts():
    encoder = encoders.build("gine+descriptors", {"gine": {"width": 4, "layers": 1}})
    encoder.fit(all_measured(zoo()))
    assert encoder.encoders[1].mean.any()


def test_options_of_a_join_stand_under_its_parts():
    with pytest.raises(ConfigError, match=r"'width'.*\bgine\b.*\bfingerprint\b"):
        encoders.build("gine+fingerprint", {"width": 4})


def test_parts_of_one_name_have_options_of_their_own():
    options = {"fingerprint": [{"bits": "morgan", "width": 4}, {"bits": "torsions", "width": 6}]}
    encoder = encoders.build("fingerprint+fingerprint", options)
    assert [part.width for part in encoder.encoders] == [4, 6]
    assert encoder.featurizers == ("morgan", "torsions")


def test_parts_of_one_name_may_share_their_options():
    encoder = encoders.build("fingerprint+fingerprint", {"fingerprint": {"width": 4}})
    assert [part.width for part in encoder.encoders] == [4, 4]


def test_another_number_of_options_than_of_parts_is_refused():
    with pytest.raises(ConfigError, match="options for 1 parts; got the name 2 times"):
        encoders.build("fingerprint+fingerprint", {"fingerprint": [{}]})


def test_directions_of_a_join_have_the_mean_of_the_cosines_of_its_parts():
    encoder = encoders.build("fingerprint+fingerprint", {"fingerprint": {"width": 4}}).eval()
    vectors = encoder.directions(drugs())
    cosines = [
        torch.cosine_similarity(own[:, None], own[None], dim=2)
        for own in (part(drugs()) for part in encoder.encoders)
    ]
    assert torch.allclose(vectors @ vectors.T, torch.stack(cosines).mean(0), atol=1e-6)


def test_an_unknown_encoder_is_answered_with_the_closest():
    with pytest.raises(ConfigError, match=r"'gin'.*'gine'"):
        encoders.build("gin", {})


def test_attention_in_groups_gives_the_vectors_of_attention_at_once(monkeypatch):
    encoder = encoders.build("gps", {"width": 8, "layers": 1, "heads": 2}).eval()
    whole = encoder(zoo())
    monkeypatch.setattr(gps, "PAIRS", 500)
    torch.testing.assert_close(encoder(zoo()), whole, rtol=1e-4, atol=1e-5)


def test_molecules_are_grouped_by_size_within_the_budget(monkeypatch):
    monkeypatch.setattr(gps, "PAIRS", 32)
    assert gps._of_similar_size([4, 9, 2, 4, 3]) == [[2, 4], [0, 3], [1]]


@pytest.mark.parametrize("graded", [True, False])
def test_several_fingerprints_have_rows_of_their_own(graded):
    encoder = Fingerprint(width=3, hidden=4, bits="morgan3+torsions").eval()
    molecules = world().select(torch.arange(5))
    with torch.set_grad_enabled(graded):
        found = encoder.summed(molecules).detach()
    expected = torch.zeros(5, 4)
    for name, start in (("morgan3", 0), ("torsions", 4096)):
        bits = molecules.block(name, Bits)
        for molecule in range(5):
            first, last = bits.offsets[molecule : molecule + 2].tolist()
            for position in bits.positions[first:last].tolist():
                expected[molecule] += encoder.embedding[start + position].detach()
    torch.testing.assert_close(found, expected)
