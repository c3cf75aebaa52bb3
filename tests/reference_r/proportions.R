# Shares, their differences and means by base R. Run in this folder: Rscript proportions.R
source("common.R")

wilson <- function(k, n) as.list(setNames(prop.test(k, n, correct = FALSE)$conf.int, c("low", "high")))

# At any normal deviate z: the roots p of (p - k/n)^2 = z^2 p (1 - p) / n.
scored <- function(k, n) {
  limits <- function(z) {
    high <- (2 * k + z^2 + z * sqrt(4 * k * (n - k) / n + z^2)) / (2 * (n + z^2))
    c(if (k > 0) k^2 / n / ((n + z^2) * high) else 0, high)
  }
  stopifnot(all.equal(limits(qnorm(0.975)), unlist(wilson(k, n), use.names = FALSE), tolerance = 1e-12))
  list(estimate = k / n, limits = limits)
}

# Newcombe (1998), method 10, from the two Wilson intervals of prop.test; z and p by inversion of the interval.
newcombe <- function(k1, n1, k0, n0) {
  l1 <- wilson(k1, n1); l0 <- wilson(k0, n0); p1 <- k1 / n1; p0 <- k0 / n0
  error <- sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
  c(list(k1 = k1, n1 = n1, k0 = k0, n0 = n0, estimate = p1 - p0,
    low = p1 - p0 - sqrt((p1 - l1$low)^2 + (l0$high - p0)^2), high = p1 - p0 + sqrt((l1$high - p1)^2 + (p0 - l0$low)^2),
    std_error = if (error > 0) error else NA), hybrid_of(scored(k1, n1), scored(k0, n0))[c("z", "p_value")])
}

single <- function(k, n) c(list(k = k, n = n, estimate = k / n), wilson(k, n))
exact_without_event <- function(n) list(n = n, high = binom.test(0, n)$conf.int[2])

two_by_two <- function(outcome, group) {
  counted <- table(group, outcome)
  newcombe(counted[2, 2], sum(counted[2, ]), counted[1, 2], sum(counted[1, ]))
}

# Rows k, n of two groups by name: deaths by way of transmission, cancers by age and alcohol (some groups have none).
of_two <- function(counted, one, none) newcombe(counted[one, "k"], counted[one, "n"], counted[none, "k"], counted[none, "n"])
deaths <- with(MASS::Aids2, cbind(k = tapply(status == "D", T.categ, sum), n = table(T.categ)))
cancers <- with(esoph, rowsum(cbind(k = ncases, n = ncases + ncontrols), paste(agegp, alcgp)))

welch <- function(name, value, group) {
  test <- t.test(value[group == 1], value[group == 0]); alone <- t.test(value[group == 1])
  list(name = name, cells = cells_of(group = group, value = value),
    mean = list(estimate = unname(alone$estimate), std_error = alone$stderr, low = alone$conf.int[1], high = alone$conf.int[2]),
    difference = list(estimate = unname(test$estimate[1] - test$estimate[2]), std_error = test$stderr,
      low = test$conf.int[1], high = test$conf.int[2], z = unname(test$statistic), p_value = test$p.value))
}

cases <- list(
  wilson = list(single(169, 261), single(170, 261), single(99, 261), single(86, 261), single(70, 261), single(1, 20), single(19, 20), single(116, 782), single(40000, 90001)),
  newcombe = list(newcombe(56, 70, 48, 80), newcombe(9, 10, 3, 10), newcombe(59, 385, 57, 397), newcombe(3, 200, 11, 190),
    two_by_two(MASS::birthwt$low, MASS::birthwt$smoke), two_by_two(infert$case, as.integer(infert$spontaneous > 0)),
    two_by_two(as.integer(lung$status == 2), lung$sex - 1),
    of_two(deaths, "mother", "hs"), of_two(deaths, "blood", "hs"), of_two(deaths, "het", "haem"),
    of_two(cancers, "25-34 0-39g/day", "45-54 0-39g/day"), of_two(cancers, "65-74 80-119", "25-34 40-79"),
    of_two(cancers, "25-34 0-39g/day", "25-34 80-119"), of_two(cancers, "25-34 120+", "25-34 0-39g/day"),
    newcombe(7, 7, 3, 10), newcombe(12, 12, 0, 15), newcombe(12, 40, 9, 30)),
  exact = lapply(c(1, 5, 100, 12345), exact_without_event),
  means = list(welch("ToothGrowth", ToothGrowth$len, as.integer(ToothGrowth$supp == "OJ")),
    welch("birthwt", MASS::birthwt$bwt, MASS::birthwt$smoke),
    welch("chickwts", chickwts$weight[chickwts$feed %in% c("soybean", "linseed")],
      as.integer(droplevels(chickwts$feed[chickwts$feed %in% c("soybean", "linseed")]) == "soybean"))))
write_reference("proportions.R", c("stats", "MASS"), cases)
