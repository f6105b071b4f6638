import torch
from hypothesis import given
from hypothesis import strategies as st

from latentclust.data import splits
from latentclust.data.splits import Split, apportion, uniform_subset


def labeled(sizes: list[int]) -> Split:
    """Return a shuffled split with ``sizes[c]`` images of class c, each image holding its own index."""
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))]
    return Split(torch.arange(len(labels), dtype=torch.int64).view(-1, 1, 1, 1), labels)


sizes_and_total = (
    st.lists(st.integers(0, 50), min_size=1, max_size=8)
    .filter(any)
    .flatmap(lambda sizes: st.tuples(st.just(sizes), st.integers(0, sum(sizes))))
)


@given(sizes_and_total)
def test_apportion_is_exact_in_total_and_within_one_of_each_quota(case):
    sizes, total = case
    shares = apportion(sizes, total)
    assert sum(shares) == total
    for size, share in zip(sizes, shares, strict=True):
        assert abs(share - size * total / sum(sizes)) < 1
        assert 0 <= share <= size


def test_apportion_gives_the_rest_to_the_largest_remainders():
    # Quotas 2.5, 3.3 and 4.2: the one seat left over goes to the first.
    assert apportion([25, 33, 42], 10) == [3, 3, 4]
    # A tie goes to the earlier one.
    assert apportion([1, 1, 2], 2) == [1, 0, 1]


@given(sizes_and_total)
def test_subset_keeps_labels_with_their_images_in_the_original_order(case):
    sizes, total = case
    whole = labeled(sizes)
    part = uniform_subset(whole, total)
    assert whole.labels is not None
    assert part.labels is not None
    kept = part.inputs.flatten()
    assert len(kept) == total
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert torch.equal(part.labels, whole.labels[kept])


@given(sizes_and_total)
def test_labels_have_no_say_in_the_subset(case):
    sizes, total = case
    whole = labeled(sizes)
    unlabeled = uniform_subset(Split(whole.inputs, None), total)
    assert unlabeled.labels is None
    assert torch.equal(unlabeled.inputs, uniform_subset(whole, total).inputs)


def test_every_image_is_as_likely_as_any_other(monkeypatch):
    whole, counts, draws = labeled([3, 9]), torch.zeros(12), 3000
    for seed in range(draws):
        monkeypatch.setattr(splits, "SUBSET_SEED", seed)
        counts[uniform_subset(whole, 4).inputs.flatten()] += 1
    # Binomial with probability 1/3: four standard deviations.
    assert (counts / draws - 1 / 3).abs().max() < 4 * (2 / 9 / draws) ** 0.5


def test_subset_is_the_same_whatever_the_global_seed_but_not_simply_the_first():
    whole = labeled([40, 60])
    torch.manual_seed(1)
    first = uniform_subset(whole, 10).inputs.flatten().tolist()
    torch.manual_seed(2)
    assert uniform_subset(whole, 10).inputs.flatten().tolist() == first
    assert first != list(range(10))


def test_sum_is_labeled_only_if_both_are():
    one, two = labeled([1, 2]), labeled([3])
    both = one + two
    assert both.inputs.flatten().tolist() == [0, 1, 2, 0, 1, 2]
    assert one.labels is not None
    assert both.labels is not None
    assert both.labels.tolist() == [*one.labels.tolist(), 0, 0, 0]
    assert (one + Split(two.inputs, None)).labels is None
