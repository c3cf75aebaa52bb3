# Shares weighted for response by base R, person by person. Run in this folder: Rscript response.R
source("common.R")

# The weighted mean and the chances of answering are solved together: sandwich of the stacked estimating equations.
weighted <- function(success, answered, covariates) {
  fit <- glm(answered ~ ., binomial, data.frame(answered, covariates), control = list(epsilon = 1e-14, maxit = 50))
  x <- model.matrix(fit); chance <- fitted(fit); y <- ifelse(answered == 1, success, 0)
  share <- sum(answered * y / chance) / sum(answered / chance)
  equations <- cbind((answered - chance) * x, answered * (y - share) / chance)
  slope <- rbind(cbind(-t(x) %*% (x * chance * (1 - chance)), 0),
    c(-colSums(answered * (y - share) * (1 - chance) / chance * x), -sum(answered / chance)))
  bread <- solve(slope)
  variance <- bread %*% crossprod(equations) %*% t(bread)
  list(estimate = share, std_error = sqrt(variance[nrow(variance), nrow(variance)]))
}

case <- function(name, value, threshold, covariates) {
  complete <- complete.cases(covariates); value <- value[complete]; covariates <- covariates[complete, , drop = FALSE]
  answered <- as.integer(!is.na(value)); success <- as.integer(!is.na(value) & value >= threshold)
  cells <- aggregate(data.frame(successes = success, answered = answered, eligible = 1L), covariates, sum)
  list(name = name, covariates = I(names(covariates)), cells = as.list(cells), weighted = weighted(success, answered, covariates))
}

survey <- MASS::survey
cases <- list(
  case("pbc", pbc$chol, 300, with(pbc, data.frame(woman = as.integer(sex == "f"), oedema = as.integer(edema > 0), older = as.integer(age > 50)))),
  case("lung", lung$meal.cal, 1000, with(lung, data.frame(woman = sex - 1, ecog = ph.ecog))),
  case("survey", survey$Pulse, 72, with(survey, data.frame(man = as.integer(Sex == "Male"), older = as.integer(Age > 19)))),
  case("airquality", airquality$Ozone, 50, data.frame(month = airquality$Month - 5, hot = as.integer(airquality$Temp > 79))))
write_reference("response.R", c("stats", "MASS"), cases)
